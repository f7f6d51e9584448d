/*
 * floor: what the dialogue alone costs on this machine.
 *
 * An epoll server in one thread that answers the bytes of SMTP and POP3 and judges next to nothing: one
 * hash look-up for a recipient, no policy, no trace, no limits, no password check. Faster than this a
 * server that speaks the protocol can hardly be, so other figures are given as a ratio to it.
 *
 * It deliberately is no mail server: it listens on 127.0.0.1 only, believes its client, and keeps whole
 * messages in memory.
 *
 *   gcc -O2 -o floor floor.c
 *
 *   -p PORT  SMTP       -P PORT  POP3       -j N  processes on the same port
 *   -m DIR   messages go to DIR/tmp and DIR/new; POP3 reads DIR/u<number>/new
 *   -s MODE  null    nothing is written
 *            nosync  written and linked, never synced
 *            fsync   file and directory synced for each message, one after the other
 *            group   written and linked; one syncfs for all that came in one turn, then their replies
 *            order   the same with the order a Maildir asks for: written, one syncfs, linked, another syncfs, replies
 *            log     all messages of one turn appended to one file, one fdatasync
 *   -x       after a refused recipient: 421 and the end of the session
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum sync_mode { SYNC_NULL, SYNC_NOSYNC, SYNC_FSYNC, SYNC_GROUP, SYNC_ORDER, SYNC_LOG };
static const char *const sync_names[] = {"null", "nosync", "fsync", "group", "order", "log"};

static int smtp_port, pop3_port, processes = 1, drops;
static enum sync_mode sync_mode = SYNC_NULL;
static const char *directory = "./data";
static int poller, tmp_fd = -1, new_fd = -1, log_fd = -1;

static void give_up(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(111);
}

/* ---- recipients: 10,001 addresses in an open hash ---- */

#define SLOTS 32768
#define USERS 10000
static char *recipients[SLOTS];

static unsigned slot_of(const char *address, size_t length) {
  unsigned hash = 2166136261u;
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)(address[i] | 32)) * 16777619u;
  return hash % SLOTS;
}

static void add_recipient(const char *address) {
  unsigned slot = slot_of(address, strlen(address));
  while (recipients[slot] != NULL) slot = (slot + 1) % SLOTS;
  recipients[slot] = strdup(address);
}

static int is_recipient(const char *address, size_t length) {
  unsigned slot = slot_of(address, length);
  for (; recipients[slot] != NULL; slot = (slot + 1) % SLOTS)
    if (strncasecmp(recipients[slot], address, length) == 0 && recipients[slot][length] == 0) return 1;
  return 0;
}

/* ---- one connection ---- */

#define LINE_MAX_BYTES 2048

struct session {
  int fd; /* -1: listed as unused */
  int is_pop3, in_data, user, waits_to_write;
  int kept;                    /* bytes of an unfinished command line in `line` */
  char line[LINE_MAX_BYTES];
  char *message;
  size_t message_length, message_room;
  char *out;
  size_t out_length, out_sent, out_room;
};

#define UNUSED_MAX 20000
static struct session *unused[UNUSED_MAX];
static int unused_count;

static struct session *new_session(int fd, int is_pop3) {
  struct session *s = unused_count > 0 ? unused[--unused_count] : calloc(1, sizeof *s);
  s->fd = fd;
  s->is_pop3 = is_pop3;
  return s;
}

static void end_session(struct session *s) {
  close(s->fd);
  s->fd = -1;
  s->kept = s->in_data = s->waits_to_write = 0;
  s->message_length = s->out_length = s->out_sent = 0;
  if (s->message_room > 1 << 16) {
    free(s->message);
    s->message = NULL;
    s->message_room = 0;
  }
  if (unused_count < UNUSED_MAX) unused[unused_count++] = s;
}

static void watch(struct session *s, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = s};
  epoll_ctl(poller, operation, s->fd, &event);
}

/* Makes room for `more` bytes behind the `length` that are there. */
static void reserve(char **buffer, size_t *room, size_t length, size_t more) {
  if (length + more <= *room) return;
  *room = (length + more) * 2;
  *buffer = realloc(*buffer, *room);
  if (*buffer == NULL) give_up("out of memory");
}

static void put(struct session *s, const char *bytes, size_t length) {
  reserve(&s->out, &s->out_room, s->out_length, length);
  memcpy(s->out + s->out_length, bytes, length);
  s->out_length += length;
}

#define REPLY(s, text) put(s, text "\r\n", sizeof text + 1)

/* Sends what is there; 0 when the connection is broken. */
static int send_out(struct session *s) {
  while (s->out_sent < s->out_length) {
    ssize_t n = send(s->fd, s->out + s->out_sent, s->out_length - s->out_sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return 0;
    if (n < 0) {
      if (!s->waits_to_write) watch(s, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      s->waits_to_write = 1;
      return 1;
    }
    s->out_sent += (size_t)n;
  }
  s->out_length = s->out_sent = 0;
  if (s->waits_to_write) watch(s, EPOLL_CTL_MOD, EPOLLIN);
  s->waits_to_write = 0;
  return 1;
}

/* ---- deliveries ---- */

#define PENDING_MAX 4096
static struct session *pending[PENDING_MAX]; /* written in this turn, to be synced and answered */
static char pending_names[PENDING_MAX][64];  /* order: their names in tmp, to be linked after the first syncfs */
static int pending_count;

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, bytes, length);
    if (n < 0) give_up("a message could not be written");
    bytes += n;
    length -= (size_t)n;
  }
}

static void link_file(const char *name) {
  if (linkat(tmp_fd, name, new_fd, name, 0) < 0) give_up("link");
  unlinkat(tmp_fd, name, 0);
}

static void write_file(const struct session *s) {
  static unsigned long number;
  char *name = pending_names[pending_count];
  snprintf(name, sizeof pending_names[0], "%ld.%d.%lu", (long)time(NULL), getpid(), number++);
  int fd = openat(tmp_fd, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (fd < 0) give_up("no file in tmp");
  write_all(fd, s->message, s->message_length);
  if (sync_mode == SYNC_FSYNC && fsync(fd) < 0) give_up("fsync");
  close(fd);
  if (sync_mode != SYNC_ORDER) link_file(name);
  if (sync_mode == SYNC_FSYNC && fsync(new_fd) < 0) give_up("fsync of the directory");
}

#define QUEUED "250 2.0.0 ok queued"

static void deliver(struct session *s) {
  if (sync_mode == SYNC_LOG) write_all(log_fd, s->message, s->message_length);
  else if (sync_mode != SYNC_NULL) write_file(s);
  if (sync_mode >= SYNC_GROUP) pending[pending_count++] = s;
  else REPLY(s, QUEUED);
}

static void sync_pending(void) {
  if (pending_count == 0) return;
  if ((sync_mode == SYNC_LOG ? fdatasync(log_fd) : syncfs(new_fd)) < 0) give_up("sync");
  if (sync_mode == SYNC_ORDER) {
    for (int i = 0; i < pending_count; i++) link_file(pending_names[i]);
    if (syncfs(new_fd) < 0) give_up("sync of the names");
  }
  for (int i = 0; i < pending_count; i++) {
    if (pending[i]->fd < 0) continue;
    REPLY(pending[i], QUEUED);
    send_out(pending[i]);
  }
  pending_count = 0;
}

/* ---- SMTP ---- */

/* Answers one command line; 1 when the session ends with it. */
static int take_smtp_line(struct session *s, const char *line, size_t length) {
  switch (line[0] | 32) {
    case 'e':
      REPLY(s, "250-mail.local.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 33554432");
      return 0;
    case 'm':
      REPLY(s, "250 2.1.0 ok");
      return 0;
    case 'r': {
      const char *open = memchr(line, '<', length);
      const char *close = open != NULL ? memchr(open, '>', length - (size_t)(open - line)) : NULL;
      if ((line[1] | 32) != 'c') REPLY(s, "250 2.0.0 ok");
      else if (close != NULL && is_recipient(open + 1, (size_t)(close - open) - 1)) REPLY(s, "250 2.1.5 ok");
      else {
        REPLY(s, "550 5.1.1 no such user");
        if (drops) REPLY(s, "421 4.7.0 too many unknown recipients, closing");
        return drops;
      }
      return 0;
    }
    case 'd':
      REPLY(s, "354 go ahead");
      s->in_data = 1;
      s->message_length = 0;
      return 0;
    case 'q':
      REPLY(s, "221 2.0.0 bye");
      return 1;
  }
  REPLY(s, "502 5.5.2 unimplemented");
  return 0;
}

/* Takes mail data; returns how much of it belongs to the message (all, unless the end is in it). */
static size_t take_data(struct session *s, const char *bytes, size_t length) {
  reserve(&s->message, &s->message_room, s->message_length, length);
  memcpy(s->message + s->message_length, bytes, length);
  size_t from = s->message_length > 4 ? s->message_length - 4 : 0;
  s->message_length += length;
  char *end = memmem(s->message + from, s->message_length - from, "\r\n.\r\n", 5);
  if (end == NULL) return length;
  size_t behind = s->message_length - (size_t)(end + 5 - s->message);
  s->message_length = (size_t)(end + 2 - s->message);
  s->in_data = 0;
  deliver(s);
  return length - behind;
}

/* ---- POP3: the listing of a maildrop is kept in memory while new/ does not change ---- */

#define MAILDROPS 1024
struct maildrop {
  int count, room;
  char (*names)[256];
  long *sizes, total;
  struct timespec changed;
  char *unique_ids; /* the whole answer to UIDL */
  size_t unique_ids_length;
};
static struct maildrop maildrops[MAILDROPS];

static void add_message(struct maildrop *m, DIR *dir, const char *name) {
  struct stat status;
  if (m->count == m->room) {
    m->room = m->room > 0 ? m->room * 2 : 128;
    m->names = realloc(m->names, (size_t)m->room * sizeof *m->names);
    m->sizes = realloc(m->sizes, (size_t)m->room * sizeof *m->sizes);
  }
  if (fstatat(dirfd(dir), name, &status, 0) < 0) return;
  snprintf(m->names[m->count], sizeof *m->names, "%s", name);
  m->sizes[m->count++] = status.st_size;
  m->total += status.st_size;
}

static void read_maildrop(int user) {
  char path[300];
  struct stat status;
  struct maildrop *m = &maildrops[user];
  snprintf(path, sizeof path, "%s/u%d/new", directory, user);
  if (stat(path, &status) < 0) return;
  if (m->names != NULL && memcmp(&m->changed, &status.st_mtim, sizeof m->changed) == 0) return;
  DIR *dir = opendir(path);
  if (dir == NULL) return;
  m->changed = status.st_mtim;
  m->count = 0;
  m->total = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    if (entry->d_name[0] != '.') add_message(m, dir, entry->d_name);
  closedir(dir);
  free(m->unique_ids);
  m->unique_ids = malloc((size_t)m->count * 280 + 100);
  m->unique_ids_length = (size_t)sprintf(m->unique_ids, "+OK\r\n");
  for (int i = 0; i < m->count; i++)
    m->unique_ids_length += (size_t)sprintf(m->unique_ids + m->unique_ids_length, "%d %s\r\n", i + 1, m->names[i]);
  m->unique_ids_length += (size_t)sprintf(m->unique_ids + m->unique_ids_length, ".\r\n");
}

/* RETR: the lines with CRLF and a dot before a leading dot. */
static void put_message(struct session *s, int index) {
  static char content[1 << 20];
  char text[800];
  struct maildrop *m = &maildrops[s->user];
  if (index < 0 || index >= m->count) return REPLY(s, "-ERR no such message");
  snprintf(text, sizeof text, "%s/u%d/new/%s", directory, s->user, m->names[index]);
  int fd = open(text, O_RDONLY);
  ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof content);
  if (fd >= 0) close(fd);
  if (n < 0) return REPLY(s, "-ERR the message is gone");
  put(s, text, (size_t)sprintf(text, "+OK %ld octets\r\n", m->sizes[index]));
  for (const char *p = content, *end = content + n; p < end;) {
    const char *line_end = memchr(p, '\n', (size_t)(end - p));
    size_t length = (size_t)((line_end != NULL ? line_end : end) - p);
    if (*p == '.') put(s, ".", 1);
    put(s, p, length);
    put(s, "\r\n", 2);
    p += length + 1;
  }
  put(s, ".\r\n", 3);
}

static int take_pop3_line(struct session *s, const char *line) {
  char text[100];
  struct maildrop *m = &maildrops[s->user];
  switch (line[0] | 32) {
    case 'u':
      if ((line[1] | 32) != 's') return put(s, m->unique_ids, m->unique_ids_length), 0;
      s->user = (int)((unsigned)atoi(line + 6) % MAILDROPS);
      REPLY(s, "+OK");
      return 0;
    case 'p':
      read_maildrop(s->user);
      if (maildrops[s->user].names == NULL) REPLY(s, "-ERR no maildrop");
      else REPLY(s, "+OK");
      return 0;
    case 's':
      put(s, text, (size_t)sprintf(text, "+OK %d %ld\r\n", m->count, m->total));
      return 0;
    case 'r':
      put_message(s, atoi(line + 5) - 1);
      return 0;
    case 'q':
      REPLY(s, "+OK bye");
      return 1;
  }
  REPLY(s, "-ERR unimplemented");
  return 0;
}

/* ---- reading ---- */

static char read_buffer[1 << 18];

static void read_on(struct session *s) {
  size_t kept = (size_t)s->kept;
  memcpy(read_buffer, s->line, kept);
  ssize_t n = recv(s->fd, read_buffer + kept, (s->in_data ? sizeof read_buffer : 16384) - kept, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return end_session(s);
  s->kept = 0;
  const char *p = read_buffer, *end = read_buffer + kept + n;
  int over = 0;
  while (p < end && !over) {
    if (s->in_data) {
      p += take_data(s, p, (size_t)(end - p));
      continue;
    }
    const char *line_end = memchr(p, '\n', (size_t)(end - p));
    if (line_end == NULL) {
      s->kept = end - p < LINE_MAX_BYTES ? (int)(end - p) : LINE_MAX_BYTES - 1;
      memcpy(s->line, p, (size_t)s->kept);
      break;
    }
    over = s->is_pop3 ? take_pop3_line(s, p) : take_smtp_line(s, p, (size_t)(line_end - p));
    p = line_end + 1;
  }
  if (s->out_length > 0 && !s->waits_to_write && !send_out(s)) over = 1;
  if (over) end_session(s);
}

/* ---- start and main loop ---- */

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  if (bind(fd, (void *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) give_up("listen");
  return fd;
}

static struct session smtp_listener = {.fd = -1}, pop3_listener = {.fd = -1};

static void accept_on(const struct session *listener) {
  static const char pop3_banner[] = "+OK pop3 ready\r\n", smtp_banner[] = "220 mail.local.test ESMTP\r\n";
  for (int i = 0; i < 64; i++) {
    int yes = 1, is_pop3 = listener == &pop3_listener, fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(new_session(fd, is_pop3), EPOLL_CTL_ADD, EPOLLIN);
    send(fd, is_pop3 ? pop3_banner : smtp_banner, is_pop3 ? sizeof pop3_banner - 1 : sizeof smtp_banner - 1, MSG_NOSIGNAL);
  }
}

static int open_folder(const char *name) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  mkdir(path, 0755);
  int fd = open(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) give_up(path);
  return fd;
}

static void parse_options(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:P:j:s:m:x")) > 0) switch (option) {
    case 'p': smtp_port = atoi(optarg); break;
    case 'P': pop3_port = atoi(optarg); break;
    case 'j': processes = atoi(optarg); break;
    case 'm': directory = optarg; break;
    case 'x': drops = 1; break;
    case 's':
      for (sync_mode = SYNC_NULL; sync_mode < SYNC_LOG && strcmp(optarg, sync_names[sync_mode]) != 0;) sync_mode++;
      if (strcmp(optarg, sync_names[sync_mode]) == 0) break;
      fprintf(stderr, "floor: \"%s\" is none of null, nosync, fsync, group, order, log\n", optarg);
      exit(64);
    default: exit(64);
  }
}

int main(int argc, char **argv) {
  struct epoll_event events[256];
  parse_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  add_recipient("bench@local.test");
  for (int i = 0; i < USERS; i++) {
    char address[64];
    snprintf(address, sizeof address, "u%d@local.test", i);
    add_recipient(address);
  }
  for (int i = 1; i < processes; i++) if (fork() == 0) break;
  mkdir(directory, 0755);
  tmp_fd = open_folder("tmp");
  new_fd = open_folder("new");
  if (sync_mode == SYNC_LOG) {
    char path[300];
    snprintf(path, sizeof path, "%s/log.%d", directory, getpid());
    log_fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0644);
  }
  poller = epoll_create1(0);
  if (smtp_port != 0) smtp_listener.fd = listen_on(smtp_port);
  if (smtp_port != 0) watch(&smtp_listener, EPOLL_CTL_ADD, EPOLLIN);
  if (pop3_port != 0) pop3_listener.fd = listen_on(pop3_port);
  if (pop3_port != 0) watch(&pop3_listener, EPOLL_CTL_ADD, EPOLLIN);
  for (;;) {
    int n = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < n; i++) {
      struct session *s = events[i].data.ptr;
      if (s == &smtp_listener || s == &pop3_listener) {
        accept_on(s);
        continue;
      }
      if (s->fd >= 0 && events[i].events & EPOLLOUT && !send_out(s)) end_session(s);
      if (s->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_on(s);
    }
    sync_pending();
  }
}
