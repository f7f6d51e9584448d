// Haraka's plug-in for the bench: recipients from a set, messages synced into a Maildir before 250.
"use strict";
const process = require("node:process");
const fs = require("node:fs");
const { open, link, unlink } = require("node:fs/promises");

const recipients = new Set(fs.readFileSync(process.env.BENCH_RECIPIENTS, "utf8").split("\n"));
const maildir = process.env.BENCH_MAILDIR;
let number = 0;

exports.register = function () {
  this.register_hook("rcpt", "judge");
  this.register_hook("queue", "deliver");
};

exports.judge = function (next, _connection, [recipient]) {
  const address = recipient.address;
  if (recipients.has(typeof address === "function" ? recipient.address() : address)) {
    return next(OK);
  }
  next(DENY, "no such user");
};

exports.deliver = function (next, connection) {
  const name = `${Date.now()}.${process.pid}.${number++}`;
  const file = fs.createWriteStream(`${maildir}/tmp/${name}`, { flags: "wx" });
  file.on("error", () => next(DENYSOFT));
  file.on("finish", async () => {
    try {
      for (const step of [`tmp/${name}`, "new"]) {
        if (step === "new") {
          await link(`${maildir}/tmp/${name}`, `${maildir}/new/${name}`);
          await unlink(`${maildir}/tmp/${name}`);
        }
        const handle = await open(`${maildir}/${step}`);
        await handle.sync();
        await handle.close();
      }
      next(OK);
    } catch {
      next(DENYSOFT);
    }
  });
  connection.transaction.message_stream.pipe(file);
};
