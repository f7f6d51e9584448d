/**
 * Where the POP3 service answers otherwise than the recorded qmail programs, by reason, then case. Each reason is
 * marked DIFFERS: in the code. What holds for all cases is not listed here: the texts of replies, sizes as sent
 * instead of the file's, CRLF of the file kept as it is, no extra blank line behind a message.
 */
export const POP3_DIFFERS: Readonly<Record<string, readonly string[]>> = {
  "STAT counts the messages that are not deleted (RFC 1939)": [
    "pop3/012",
    "pop3/013",
    "pop3/015",
    "pop3/209",
  ],
  "a message number beyond 2^64 is not taken modulo 2^64": ["pop3/009"],
  "a command with NUL is an error, not cut at the NUL": ["pop3/026"],
  "for TOP, a line of CR alone ends the header of a message stored with CRLF": [
    "pop3/093",
    "pop3/094",
    "pop3/096",
    "pop3/097",
    "pop3/177",
  ],
  "messages of one second are in order of their names, not of readdir and a heap": ["pop3/186"],
  "QUIT never moves a message onto another one": ["pop3/207"],
  "QUIT sends one reply, not -ERR and +OK": ["pop3/216"],
  "a directory in new/ is no message": ["pop3/219", "pop3/220", "pop3/222"],
  "qmail-popup's own argument check has no counterpart in a session": ["pop3/281"],
  "one process for popup and pop3d: commands pipelined behind PASS are not lost": ["pop3/289"],
};
