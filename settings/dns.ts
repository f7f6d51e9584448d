/** Settings of the resolver (docs/dns.md). */
import { integer, list, text } from "./kinds.ts";

export const DNS_SETTINGS = {
  dns_servers: list(
    [],
    "Name servers to ask instead of those of dns_resolv_conf: IP, IP:PORT or [IPv6]:PORT",
  ),
  dns_resolv_conf: text(
    "/etc/resolv.conf",
    "Where name servers, timeout, attempts and rotate are read; read again when it changes",
  ),
  dns_timeout_seconds: integer(
    10,
    "seconds",
    "Longest time of one question, all servers and tries together",
    1,
    300,
  ),
  dns_cache_entries: integer(
    10000,
    "answers",
    "Answers kept for as long as their TTL says; 0 keeps none",
    0,
    1000000,
  ),
  max_dns_queries: integer(200, "questions", "Questions on the way at one time", 1, 10000),
  dns_file: text("", "Answers all DNS questions from this file instead: tests and what-if"),
} as const;
