/** Findings about the site: control files, domains, cdbs, permissions and deliveries. */
import { kind } from "./catalogue_kind.ts";

const CONTROL = {
  "no-local-names": kind(
    "fatal",
    "Neither control/me nor control/locals is there",
    "qmail-send does not start without them, and nothing can be looked up",
    "Put this host's full name into control/me",
  ),
  "me-missing": kind(
    "error",
    "control/me is missing or empty",
    "Greetings, bounces and Message-IDs have no name of this host, and qmail-send falls back to odd ones",
    "Put this host's full name into control/me",
  ),
  "rcpthosts-missing": kind(
    "error",
    "control/rcpthosts is missing",
    "qmail-smtpd would relay for everybody; qfront takes it for empty and refuses all mail from outside",
    "Write the domains that mail is taken for, one a line",
  ),
  "plusdomain-missing": kind(
    "note",
    "qmail-inject is there, but neither control/plusdomain nor control/me",
    'Names that end in a plus sign get the literal domain "plusdomain"',
    "Put the parent domain into control/plusdomain",
  ),
  "control-unreadable": kind(
    "error",
    "A control file can't be read",
    "Every recipient that depends on it is answered 451, and qmail-send does not start",
    "Make it a regular, readable file",
  ),
  "control-cr": kind(
    "error",
    "Lines of a control file end in CR LF",
    "qmail takes the CR for a part of the entry, so the entry matches nothing",
    "Strip the CR: sed -i 's/\\r$//' FILE",
  ),
  "control-blank": kind(
    "warning",
    "An entry begins with a blank or has one inside",
    "qmail strips blanks at a line's end alone and knows comments only at its beginning, so the entry matches nothing",
    "Take the blank out; put the comment on a line of its own",
  ),
  "control-wildcard": kind(
    "warning",
    "A domain is written with * or @",
    'qmail knows no such wildcard: ".example.org" is the form for all names below a domain',
    "Write .example.org in place of *.example.org",
  ),
  "control-duplicate": kind(
    "warning",
    "An entry stands twice in a control file",
    "Whoever takes one of the two away believes that it is gone",
    "Delete one of the lines",
  ),
  "virtualdomains-twice": kind(
    "error",
    "A key of control/virtualdomains has two values",
    "The last line counts, the other one is dead",
    "Delete the wrong line",
  ),
  "virtualdomains-no-colon": kind(
    "error",
    "A line of control/virtualdomains has no colon",
    "qmail passes over the line without a word",
    "Write DOMAIN:PREFIX",
  ),
  "percenthack": kind(
    "error",
    "control/percenthack lists a domain that mail is taken for",
    "user%other.example@domain is mail for other.example: everybody can relay through that domain",
    "Remove control/percenthack, or that domain from it",
  ),
} as const;

const DOMAINS = {
  "local-and-virtual": kind(
    "warning",
    "A domain stands in control/locals and in control/virtualdomains",
    "locals wins, so the line of virtualdomains is dead",
    "Delete one of the two lines, then HUP qmail-send",
  ),
  "not-in-rcpthosts": kind(
    "warning",
    "A local or virtual domain is not in control/rcpthosts",
    "Its mail is delivered when it comes from here and refused when it comes from outside",
    "Add the domain to control/rcpthosts",
  ),
  "rcpthosts-undelivered": kind(
    "warning",
    "control/rcpthosts takes mail for a domain that is neither local nor virtual, and control/smtproutes does not know it",
    "Its recipients can't be looked up here, so each name is accepted; where this host is the domain's MX the mail loops",
    "Add it to locals or virtualdomains, or its route to smtproutes, or take it out of rcpthosts",
  ),
  "postmaster-undeliverable": kind(
    "error",
    "postmaster of a domain is no mailbox",
    "RFC 5321 section 4.5.1 wants one, and others block domains without",
    "Make ~alias/.qmail-postmaster, or the file for that virtual domain",
  ),
  "abuse-undeliverable": kind(
    "warning",
    "abuse of a domain is no mailbox",
    "RFC 2142 wants one, and complaints about this host are lost",
    "Make ~alias/.qmail-abuse, or the file for that virtual domain",
  ),
  "role-undecided": kind(
    "error",
    "postmaster or abuse of a domain can't be decided",
    "The answer is 451 until what is wrong there is mended",
    "As the reason says",
  ),
  "mailer-daemon-undeliverable": kind(
    "warning",
    "mailer-daemon of this host is no mailbox",
    "Bounces come from there, and people answer them",
    "Make ~alias/.qmail-mailer-daemon",
  ),
  "double-bounce-undeliverable": kind(
    "warning",
    "Where double bounces go is no mailbox here",
    "What can't be bounced is lost without a word",
    "Write a mailbox into control/doublebounceto (and its host into doublebouncehost)",
  ),
  "catch-all": kind(
    "warning",
    "Every name of a local domain is deliverable",
    "Nothing is refused: dictionary attacks fill the mailbox, and what a program refuses later is bounced to innocents",
    "Take the default away and name each address in a file of its own",
  ),
  "catch-all-domain": kind(
    "note",
    "A virtual domain is a catch-all",
    "Wanted or not: every name of it is accepted",
    "Name each address in a file of its own, where that was not meant",
  ),
  "catch-all-program": kind(
    "warning",
    "A catch-all hands every name to a program",
    "The program decides after the mail was accepted, so its refusals become bounces to forged senders",
    "Name each address in a dot-qmail file of its own, or let users/assign know them",
  ),
} as const;

const STALE = {
  "assign-stale": kind(
    "error",
    "users/cdb is not what users/assign says",
    "qmail and qfront go by the cdb: what was written into assign is not in force",
    "qmail-newu",
  ),
  "assign-broken": kind(
    "error",
    "users/assign can't be made into a cdb",
    "qmail-newu refuses it, so no change to it comes into force",
    "Mend the line; the file ends with a line of one dot",
  ),
  "users-cdb-broken": kind(
    "fatal",
    "users/cdb is no sound cdb",
    "qmail-lspawn defers every local delivery, and every recipient is answered 451",
    "qmail-newu",
  ),
  "morercpthosts-stale": kind(
    "error",
    "control/morercpthosts.cdb is not what control/morercpthosts says",
    "The cdb alone is read: new domains are refused and old ones accepted",
    "qmail-newmrh",
  ),
  "morercpthosts-broken": kind(
    "error",
    "control/morercpthosts.cdb is no sound cdb",
    "Every recipient that is not in rcpthosts is answered 451",
    "qmail-newmrh",
  ),
  "rules-stale": kind(
    "warning",
    "The cdb of connection rules is older than its text",
    "The cdb alone is read, so the last changes to the rules are not in force",
    "tcprules FILE.cdb FILE.tmp < FILE",
  ),
  "poppasswd-stale": kind(
    "error",
    "users/poppasswd.cdb is not what users/poppasswd says",
    "The cdb alone is read: new passwords do not work, and old ones still do",
    "qfront newpop",
  ),
  "poppasswd-line": kind(
    "error",
    "A line of users/poppasswd can be used by no login",
    "qfront newpop refuses the whole file because of it, so no change comes into force",
    "As the reason says, then qfront newpop",
  ),
  "poppasswd-broken": kind(
    "error",
    "users/poppasswd.cdb is no sound cdb",
    "Nobody can log in",
    "qfront newpop",
  ),
  "poppasswd-missing": kind(
    "warning",
    "Logins are taken and there is no users/poppasswd.cdb",
    "Every login is answered with a temporary failure",
    "qfront poppasswd set LOGIN --newpop, or pop3_listen: off",
  ),
} as const;

const PERMISSIONS = {
  "control-closed": kind(
    "error",
    "The service's user can't read a control file, or enter a directory on the way",
    "What depends on it is answered 451, or taken for missing",
    "chmod the directory o+x, the file o+r",
  ),
  "delivery-deferred": kind(
    "error",
    "An address can't be decided because of files on its way",
    "It is answered 451, and qmail-local would defer its mail as well",
    "As the reason says",
  ),
  "maildir-missing": kind(
    "error",
    "A Maildir that an address delivers to is not there, or lacks tmp, new or cur",
    "Mail for it is accepted and then deferred for days",
    "maildirmake as its owner",
  ),
  "user-without-maildir": kind(
    "warning",
    "A user of the system has no Maildir, and the default delivery is to one",
    "Whoever writes to that user's name is told 250, and the mail is deferred for days",
    "maildirmake as that user, or a .qmail that says where his mail goes",
  ),
  "maildir-closed": kind(
    "error",
    "The owner of an address may not write to its Maildir",
    "Mail for it is accepted and then deferred for days",
    "chown it to its user, mode 0700",
  ),
  "dot-qmail-unreachable": kind(
    "warning",
    "A dot-qmail file has a name that no address leads to",
    "qmail looks for extensions in lower case, with : in the place of dots",
    "Rename it",
  ),
  "checks-cut": kind(
    "note",
    "There are more addresses than were looked at",
    "What is wrong with the others is not told here",
    "qfront lookup takes lists on standard input",
  ),
} as const;

export const SITE_FINDINGS = { ...CONTROL, ...DOMAINS, ...STALE, ...PERMISSIONS } as const;
