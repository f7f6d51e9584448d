// A minimal mail server on npm's smtp-server: recipients from a set, messages synced into a Maildir before 250.
"use strict";
const process = require("node:process");
const fs = require("node:fs");
const { open, link, unlink } = require("node:fs/promises");
const { SMTPServer } = require("smtp-server");

const recipients = new Set(fs.readFileSync(process.env.BENCH_RECIPIENTS, "utf8").split("\n"));
const maildir = process.env.BENCH_MAILDIR;
let number = 0;

async function sync(path) {
  const handle = await open(path);
  await handle.sync();
  await handle.close();
}

async function deliver(stream) {
  const name = `${Date.now()}.${process.pid}.${number++}`;
  const file = await open(`${maildir}/tmp/${name}`, "wx");
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunks.length >= 64) await file.writev(chunks.splice(0));
  }
  if (chunks.length > 0) await file.writev(chunks);
  await file.sync();
  await file.close();
  await link(`${maildir}/tmp/${name}`, `${maildir}/new/${name}`);
  await unlink(`${maildir}/tmp/${name}`);
  await sync(`${maildir}/new`);
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  logger: false,
  onRcptTo(address, _session, done) {
    if (recipients.has(address.address)) return done();
    const refusal = new Error("no such user");
    refusal.responseCode = 550;
    done(refusal);
  },
  onData(stream, _session, done) {
    deliver(stream).then(() => done(), done);
  },
});
server.on("error", () => {});
server.listen({ port: Number(process.env.BENCH_PORT), host: "127.0.0.1", backlog: 4096 });
