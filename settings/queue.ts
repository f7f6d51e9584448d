/** Settings of what happens to accepted mail (docs/queue.md). */
import { choice, integer, text } from "./kinds.ts";

export const QUEUE_SETTINGS = {
  queue: choice(
    ["auto", "qmail-queue", "maildir", "qmqp"],
    "auto",
    "Where accepted mail goes; auto: qmail-queue where it is installed, else maildir",
  ),
  default_delivery: text(
    "",
    "What qmail-start got as default delivery; empty: control/defaultdelivery, else ./Maildir/",
  ),
  deliver_as: choice(
    ["owner", "self"],
    "owner",
    "Running as root, Maildir files are made as the user they are for, or as root itself",
  ),
  maildir_sync: choice(
    ["auto", "syncfs", "fsync"],
    "auto",
    "How Maildir deliveries reach the disk: one syncfs for many, an fsync for each, or as the moment allows",
  ),
  maildir_journal: text(
    "",
    "Directory of the delivery journal, the serving user's, root's with a keeper; below the qmail directory when relative; empty: none",
  ),
  queue_timeout_seconds: integer(300, "seconds", "Longest run of a qmail-queue program", 1),
  max_queue_programs: integer(20, "programs", "qmail-queue programs running at one time", 1),
  max_deliveries: integer(
    1000,
    "messages",
    "Messages in hand at one time; new sessions get 421 beyond",
    1,
  ),
  qmqp_timeout_seconds: integer(60, "seconds", "Longest wait for a QMQP server's answer", 1),
} as const;
