/*
 * mload: a closed-loop load generator for SMTP and POP3 on the loopback interface.
 *
 * One thread, one epoll, a fixed number of connections. Each connection plays the chosen dialogue, and
 * begins the next session as soon as one has ended ("closed loop": the server sets the pace). After a
 * warm-up it counts for some seconds and prints one line of JSON. It checks every reply's class, so a
 * server that answers fast but wrongly shows up as errors, not as speed.
 *
 * It deliberately does not parse mail, keep mail, speak TLS, or connect to anything but 127.0.0.1.
 *
 *   gcc -O2 -o mload mload.c
 *
 *   -p PORT  -c CONNECTIONS  -T SECONDS  -w WARM-UP SECONDS  -L LABEL  -C CPU to run on
 *   -m w1      connect, EHLO, MAIL, one invalid RCPT, end
 *                -d  the server ends the session; otherwise QUIT is sent
 *                -P  MAIL and RCPT (with -m msg also DATA) in one packet
 *                -D  DOMAIN of the invalid names
 *   -m w1b     -x N invalid RCPTs in one session
 *   -m msg     -n messages a session, -s bytes each, -V valid recipient
 *   -m pop     login, STAT, UIDL, RETR 1, QUIT; -u users, -U name format, -k password, -A no login
 *   -m popall  the same with RETR of -N messages in one session
 *   -m idle    opens -c sessions, reads each banner, holds them for -T seconds
 *   -F FILE  the message of -m msg, lines ended by LF, instead of one of -s bytes
 *   -B IP    speaks as a proxy for a client of that IPv4 address
 *   -E  a session counts only when the server has closed the connection
 *   -R  end each connection with a reset;  -S  half-close after QUIT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- options ---- */

enum mode { W1, W1B, MSG, POP, POPALL, IDLE };
static const char *const mode_names[] = {"w1", "w1b", "msg", "pop", "popall", "idle"};

static enum mode mode = W1;
static int port, connections = 16, messages_per_session = 1, invalid_per_session = 100;
static int retr_per_session = 1000, users = 32, run_on_cpu = -1;
static int server_drops, pipelined, no_login, reset_at_end, await_eof, half_close;
static long message_bytes = 4096;
static double count_seconds = 5, warmup_seconds = 1;
static const char *label = "", *valid_recipient = "bench@local.test";
static const char *invalid_domain = "local.test", *password = "pw", *user_format = "u%d";
static const char *message_file, *behalf_of;

static void parse_options(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:c:T:w:m:n:s:dPL:V:D:u:U:k:Ax:RC:N:ESF:B:")) > 0) switch (option) {
    case 'p': port = atoi(optarg); break;
    case 'c': connections = atoi(optarg); break;
    case 'T': count_seconds = atof(optarg); break;
    case 'w': warmup_seconds = atof(optarg); break;
    case 'L': label = optarg; break;
    case 'C': run_on_cpu = atoi(optarg); break;
    case 'n': messages_per_session = atoi(optarg); break;
    case 's': message_bytes = atol(optarg); break;
    case 'V': valid_recipient = optarg; break;
    case 'D': invalid_domain = optarg; break;
    case 'x': invalid_per_session = atoi(optarg); break;
    case 'u': users = atoi(optarg); break;
    case 'U': user_format = optarg; break;
    case 'k': password = optarg; break;
    case 'F': message_file = optarg; break;
    case 'B': behalf_of = optarg; break;
    case 'N': retr_per_session = atoi(optarg); break;
    case 'd': server_drops = 1; break;
    case 'P': pipelined = 1; break;
    case 'A': no_login = 1; break;
    case 'R': reset_at_end = 1; break;
    case 'E': await_eof = 1; break;
    case 'S': half_close = 1; break;
    case 'm':
      for (mode = W1; mode < IDLE && strcmp(optarg, mode_names[mode]) != 0;) mode++;
      if (strcmp(optarg, mode_names[mode]) == 0) break;
      fprintf(stderr, "mload: \"%s\" is none of w1, w1b, msg, pop, popall, idle\n", optarg);
      exit(64);
    default: exit(64);
  }
  if (port == 0) {
    fprintf(stderr, "mload: -p PORT is missing\n");
    exit(64);
  }
}

/* ---- a histogram of durations: exact to 64 us, then 64 steps for each doubling ---- */

#define BUCKETS 4096
static unsigned long session_times[BUCKETS], message_times[BUCKETS];

static int bucket_of(double microseconds) {
  unsigned long v = microseconds < 1 ? 1 : (unsigned long)microseconds;
  if (v < 64) return (int)v;
  int magnitude = 63 - __builtin_clzl(v);
  int i = (magnitude - 5) * 64 + (int)((v >> (magnitude - 6)) & 63);
  return i < BUCKETS ? i : BUCKETS - 1;
}

static double bucket_value(int i) {
  return i < 64 ? i : (double)((64UL | (unsigned long)(i % 64)) << (i / 64 - 1));
}

/* The duration, in milliseconds, that a share of all entries did not exceed. */
static double percentile(const unsigned long *times, double share) {
  unsigned long total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += times[i];
  for (int i = 0; total > 0 && i < BUCKETS; i++) {
    seen += times[i];
    if ((double)seen >= share * (double)total) return bucket_value(i) / 1e3;
  }
  return 0;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- what is counted ---- */

struct counts { unsigned long sessions, messages, recipients; };
static struct counts counted; /* after the warm-up */
static struct counts all;     /* with the warm-up: for the server's CPU time per unit */
static int counting;
static unsigned long connect_errors, eof_errors, reply_errors, io_errors;
static char first_error[200];

/* ---- one connection ---- */

enum listing { NO_LISTING, LISTING_STATUS, LISTING_BODY }; /* a POP3 answer of many lines */

struct session {
  int fd;            /* -1: between two sessions */
  int running;       /* 0: the main loop starts the next session */
  int step;          /* number of the reply that is awaited */
  int repeat;        /* messages, recipients or RETRs done in this session */
  int may_end;       /* end of file is now the right end */
  int waits_to_write;
  enum listing listing;
  int line_length;   /* bytes of line_start that are there */
  char line_start[5];
  const char *out;   /* what is being sent: `command` or the message */
  size_t out_length, out_sent;
  double began, message_began;
  char command[512];
};

static struct session *sessions;
static int poller;
static struct sockaddr_in server;
static char *message;          /* mail data with the final dot */
static size_t message_length;

static void watch(struct session *s, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = s};
  epoll_ctl(poller, operation, s->fd, &event);
}

static void end_session(struct session *s, int complete) {
  if (s->fd >= 0) {
    struct linger reset = {1, 0};
    if (reset_at_end) setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(s->fd);
    s->fd = -1;
  }
  s->running = 0;
  if (!complete) return;
  all.sessions++;
  if (!counting) return;
  counted.sessions++;
  session_times[bucket_of((now() - s->began) * 1e6)]++;
}

static void fail_session(struct session *s, unsigned long *counter, const char *why) {
  (*counter)++;
  if (first_error[0] == 0) {
    int shown = s->line_length < 4 ? s->line_length : 4;
    snprintf(first_error, sizeof first_error, "step %d: %s [%.*s]", s->step, why, shown, s->line_start);
    for (char *p = first_error; *p; p++) if (*p < ' ' || *p == '"' || *p == '\\') *p = '?';
  }
  end_session(s, 0);
}

static void write_on(struct session *s) {
  while (s->out_sent < s->out_length) {
    ssize_t n = send(s->fd, s->out + s->out_sent, s->out_length - s->out_sent, MSG_NOSIGNAL);
    if (n >= 0) {
      s->out_sent += (size_t)n;
    } else if (errno == EAGAIN) {
      if (!s->waits_to_write) watch(s, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      s->waits_to_write = 1;
      return;
    } else if (errno != EINTR) {
      if (!s->may_end) fail_session(s, &io_errors, strerror(errno));
      return;
    }
  }
  if (s->waits_to_write) watch(s, EPOLL_CTL_MOD, EPOLLIN);
  s->waits_to_write = 0;
}

static void send_bytes(struct session *s, const char *bytes, size_t length) {
  s->out = bytes;
  s->out_length = length;
  s->out_sent = 0;
  write_on(s);
}

__attribute__((format(printf, 2, 3))) static void send_command(struct session *s, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(s->command, sizeof s->command, format, arguments);
  va_end(arguments);
  send_bytes(s, s->command, (size_t)length);
}

static void send_quit(struct session *s) {
  s->may_end = 1;
  send_command(s, "QUIT\r\n");
  if (half_close && s->fd >= 0) shutdown(s->fd, SHUT_WR);
}

static void start_session(struct session *s) {
  int yes = 1;
  s->step = s->repeat = s->may_end = s->line_length = s->waits_to_write = 0;
  s->listing = NO_LISTING;
  s->out_length = s->out_sent = 0;
  s->began = now();
  s->running = 1;
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(s->fd, (void *)&server, sizeof server) < 0 && errno != EINPROGRESS)
    fail_session(s, &connect_errors, strerror(errno));
  else {
    watch(s, EPOLL_CTL_ADD, EPOLLIN);
    if (behalf_of) send_command(s, "PROXY TCP4 %s 192.0.2.1 4711 25\r\n", behalf_of);
  }
}

/* ---- the dialogues: each gets the first byte of a complete reply and sends what comes next ---- */

/* Names nobody has: pseudo-random, never the same twice in a run (xorshift). */
static unsigned long random_state = 88172645463325252UL;
static unsigned long invalid_name(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state & 0xffffffff;
}

#define EHLO "EHLO client.test\r\n"
#define MAIL "MAIL FROM:<s@remote.test>\r\n"

static void send_invalid_recipient(struct session *s) {
  send_command(s, "RCPT TO:<x%lx@%s>\r\n", invalid_name(), invalid_domain);
}

static void count_recipient(void) {
  all.recipients++;
  if (counting) counted.recipients++;
}

static void count_message(struct session *s) {
  all.messages++;
  if (!counting) return;
  counted.messages++;
  message_times[bucket_of((now() - s->message_began) * 1e6)]++;
}

/* W1: one invalid recipient. A server that drops answers 550, perhaps 421, and closes. */
static void play_w1(struct session *s, char class) {
  switch (s->step++) {
    case 0:
      if (class != '2') fail_session(s, &reply_errors, "banner");
      else send_command(s, EHLO);
      return;
    case 1:
      if (class != '2') fail_session(s, &reply_errors, "EHLO");
      else if (!pipelined) send_command(s, MAIL);
      else send_command(s, MAIL "RCPT TO:<x%lx@%s>\r\n", invalid_name(), invalid_domain);
      return;
    case 2:
      if (class != '2') fail_session(s, &reply_errors, "MAIL");
      else if (!pipelined) send_invalid_recipient(s);
      return;
    case 3:
      if (class != '5') return fail_session(s, &reply_errors, "RCPT");
      count_recipient();
      s->may_end = 1;
      if (!server_drops) send_quit(s);
      return;
    case 4:
      if (server_drops) return; /* the 421; the session ends with the end of file */
      if (class != '2') fail_session(s, &reply_errors, "QUIT");
      else if (!await_eof) end_session(s, 1);
      return;
  }
}

/* W1b: many invalid recipients in one session. */
static void play_w1b(struct session *s, char class) {
  switch (s->step) {
    case 0:
      s->step++;
      if (class != '2') fail_session(s, &reply_errors, "banner");
      else send_command(s, EHLO);
      return;
    case 1:
      s->step++;
      if (class != '2') fail_session(s, &reply_errors, "EHLO");
      else send_command(s, MAIL);
      return;
    case 2:
      s->step++;
      if (class != '2') fail_session(s, &reply_errors, "MAIL");
      else send_invalid_recipient(s);
      return;
    case 3:
      if (class != '5' && (class != '4' || strncmp(s->line_start, "421", 3) == 0))
        return fail_session(s, &reply_errors, "RCPT");
      count_recipient();
      if (++s->repeat < invalid_per_session) return send_invalid_recipient(s);
      s->step++;
      send_quit(s);
      return;
    default:
      if (!await_eof) end_session(s, 1);
  }
}

static void send_transaction(struct session *s) {
  s->message_began = now();
  s->step = 2;
  if (pipelined) send_command(s, MAIL "RCPT TO:<%s>\r\nDATA\r\n", valid_recipient);
  else send_command(s, MAIL);
}

/* W2, W3, W4: messages to the valid recipient. */
static void play_messages(struct session *s, char class) {
  static const char *const names[] = {"banner", "EHLO", "MAIL", "RCPT", "DATA", "message"};
  if (s->step < 6 && class != (s->step == 4 ? '3' : '2'))
    return fail_session(s, &reply_errors, names[s->step]);
  switch (s->step++) {
    case 0: send_command(s, EHLO); return;
    case 1: send_transaction(s); return;
    case 2: if (!pipelined) send_command(s, "RCPT TO:<%s>\r\n", valid_recipient); return;
    case 3: if (!pipelined) send_command(s, "DATA\r\n"); return;
    case 4: send_bytes(s, message, message_length); return;
    case 5:
      count_message(s);
      if (++s->repeat < messages_per_session) send_transaction(s);
      else send_quit(s);
      return;
    default: if (!await_eof) end_session(s, 1);
  }
}

/* The users take turns, so that every maildrop is used whatever the number of connections. */
static void send_user(struct session *s) {
  static unsigned turn;
  char name[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(name, sizeof name, user_format, (int)(turn++ % (unsigned)users));
#pragma GCC diagnostic pop
  send_command(s, "USER %s\r\n", name);
}

/* W5: a POP3 session. Steps 0 to 2 are the login, 3 STAT, 4 UIDL, 5 RETR, 6 QUIT. */
static void play_pop(struct session *s, char class) {
  if (class != '+') return fail_session(s, &reply_errors, "POP3 -ERR");
  if (s->step == 0 && no_login) s->step = 2;
  switch (s->step++) {
    case 0: send_user(s); return;
    case 1: send_command(s, "PASS %s\r\n", password); return;
    case 2: send_command(s, "STAT\r\n"); return;
    case 3: s->listing = LISTING_STATUS; send_command(s, "UIDL\r\n"); return;
    case 4:
      s->repeat = 1;
      break;
    case 5:
      count_message(s);
      if (mode == POPALL && ++s->repeat <= retr_per_session) {
        s->step = 5;
        break;
      }
      s->listing = NO_LISTING;
      send_quit(s);
      return;
    default:
      if (!await_eof) end_session(s, 1);
      return;
  }
  s->listing = LISTING_STATUS;
  s->message_began = now();
  send_command(s, "RETR %d\r\n", s->repeat);
}

static void play(struct session *s, char class) {
  switch (mode) {
    case W1: play_w1(s, class); return;
    case W1B: play_w1b(s, class); return;
    case MSG: play_messages(s, class); return;
    default: play_pop(s, class); return;
  }
}

/* ---- reading: only the first four bytes of each line matter ---- */

/* One complete line: is it the end of a reply? */
static void take_line(struct session *s) {
  const char *line = s->line_start;
  if (mode != POP && mode != POPALL) {
    if (s->line_length < 4 || line[3] != '-') play(s, line[0]);
  } else if (s->listing == LISTING_STATUS && line[0] == '+') {
    s->listing = LISTING_BODY;
  } else if (s->listing != LISTING_BODY) {
    s->listing = NO_LISTING;
    play(s, line[0]);
  } else if (line[0] == '.' && (s->line_length == 1 || line[1] == '\r')) {
    s->listing = NO_LISTING;
    play(s, '+');
  }
}

static char read_buffer[1 << 18];

static void read_on(struct session *s) {
  ssize_t n = recv(s->fd, read_buffer, sizeof read_buffer, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0 && s->may_end) return end_session(s, 1);
  if (n < 0) return fail_session(s, &io_errors, strerror(errno));
  if (n == 0) {
    s->line_length = 0;
    return fail_session(s, &eof_errors, "unexpected end of file");
  }
  const char *p = read_buffer, *end = read_buffer + n;
  while (p < end) {
    while (s->line_length < 4 && p < end && *p != '\n') s->line_start[s->line_length++] = *p++;
    const char *line_end = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    if (line_end == NULL) return;
    p = line_end + 1;
    take_line(s);
    s->line_length = 0;
    if (s->fd < 0) return;
  }
}

/* ---- the runs ---- */

/* The file as it is sent: CR LF, dots doubled, the final dot. */
static void read_message(void) {
  FILE *file = fopen(message_file, "r");
  if (file == NULL) {
    fprintf(stderr, "mload: %s: %s\n", message_file, strerror(errno));
    exit(66);
  }
  char line[4096];
  size_t room = 0, n = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    size_t length = strlen(line);
    if (n + length + 8 > room) message = realloc(message, room = room * 2 + sizeof line + 16);
    if (line[0] == '.') message[n++] = '.';
    memcpy(message + n, line, length);
    n += length;
    if (line[length - 1] == '\n') memcpy(message + n++ - 1, "\r\n", 2);
  }
  fclose(file);
  message = realloc(message, n + 8);
  memcpy(message + n, ".\r\n", 3);
  message_length = n + 3;
  message_bytes = (long)n;
}

/* A header and lines of letters, exactly message_bytes long before the final dot. */
static void make_message(void) {
  if (message_file) return read_message();
  message = malloc((size_t)message_bytes + 4096);
  size_t n = (size_t)sprintf(message,
    "From: s@remote.test\r\nTo: %s\r\nSubject: bench\r\nMessage-ID: <1.%d@remote.test>\r\n"
    "Date: Fri, 20 Nov 2026 13:00:00 +0000\r\n\r\n", valid_recipient, getpid());
  while ((long)n < message_bytes) {
    long room = message_bytes - (long)n;
    int letters = room > 74 ? 72 : room > 2 ? (int)room - 2 : 0;
    for (int i = 0; i < letters; i++) message[n++] = (char)('a' + i % 26);
    message[n++] = '\r';
    message[n++] = '\n';
  }
  memcpy(message + n, ".\r\n", 3);
  message_length = n + 3;
}

static volatile sig_atomic_t stopped;
static void on_signal(int number) { (void)number; stopped = 1; }

/* Connects up to `wanted` sessions, then reads their banners; how many are good. */
static int open_batch(int wanted, int before) {
  enum { BATCH = 32 }; /* small: some servers listen with a short queue */
  int fds[BATCH], connected = 0, good = 0;
  struct timeval limit = {10, 0};
  for (; connected < wanted && connected < BATCH; connected++) {
    int fd = fds[connected] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (fd < 0 || connect(fd, (void *)&server, sizeof server) < 0) {
      fprintf(stderr, "mload: session %d was not opened: %s\n", before + connected, strerror(errno));
      break;
    }
  }
  for (; good < connected; good++) {
    char banner[512];
    ssize_t n = recv(fds[good], banner, sizeof banner, 0);
    if (n > 0 && (banner[0] == '2' || banner[0] == '+')) continue;
    fprintf(stderr, "mload: session %d got no banner: \"%.*s\"\n", before + good, n > 0 ? (int)n : 0, banner);
    break;
  }
  return good;
}

#define OPEN_SECONDS 120

/* Opens the sessions in batches, says how many there are, and holds them as long as its parent lives. */
static int run_idle(void) {
  int open = 0;
  pid_t parent = getppid();
  double began = now();
  while (open < connections && !stopped && getppid() == parent && now() < began + OPEN_SECONDS) {
    int good = open_batch(connections - open, open);
    if (good == 0) break;
    open += good;
  }
  printf("{\"label\":\"%s\",\"mode\":\"idle\",\"idle\":%d,\"open_s\":%.2f}\n", label, open, now() - began);
  fflush(stdout);
  for (double end = now() + count_seconds; now() < end && !stopped && getppid() == parent;) usleep(50000);
  return 0;
}

/* CPU time of this process, in seconds. */
static double own_cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static unsigned long errors(void) { return connect_errors + eof_errors + reply_errors + io_errors; }

static void serve_events(void) {
  struct epoll_event events[256];
  int n = epoll_wait(poller, events, 256, 20);
  for (int i = 0; i < n; i++) {
    struct session *s = events[i].data.ptr;
    if (s->fd < 0) continue;
    if (events[i].events & EPOLLOUT) write_on(s);
    if (s->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_on(s);
    if (!s->running) start_session(s);
  }
  /* A connection that failed outside its own event is taken up when nothing else happens. */
  for (int i = 0; n <= 0 && i < connections; i++) if (!sessions[i].running) start_session(&sessions[i]);
}

static void print_result(double seconds, double cpu_seconds) {
  unsigned long units = mode == W1 || mode == POP ? counted.sessions : mode == W1B ? counted.recipients : counted.messages;
  printf("{\"label\":\"%s\",\"mode\":\"%s\",\"connections\":%d,\"seconds\":%.2f,", label, mode_names[mode], connections, seconds);
  printf("\"sessions_s\":%.1f,\"messages_s\":%.1f,\"recipients_s\":%.1f,\"mb_s\":%.1f,",
    (double)counted.sessions / seconds, (double)counted.messages / seconds,
    (double)counted.recipients / seconds, (double)counted.messages * (double)message_bytes / seconds / 1e6);
  printf("\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"message_p50_ms\":%.2f,\"message_p99_ms\":%.2f,",
    percentile(session_times, .5), percentile(session_times, .99),
    percentile(message_times, .5), percentile(message_times, .99));
  printf("\"all_sessions\":%lu,\"all_messages\":%lu,\"all_recipients\":%lu,", all.sessions, all.messages, all.recipients);
  printf("\"generator_us\":%.1f,\"generator_cpu\":%.2f,", units ? cpu_seconds * 1e6 / (double)units : 0, cpu_seconds / seconds);
  printf("\"errors\":%lu,\"connect_errors\":%lu,\"eof_errors\":%lu,\"reply_errors\":%lu,\"io_errors\":%lu,\"first_error\":\"%s\"}\n",
    errors(), connect_errors, eof_errors, reply_errors, io_errors, first_error);
}

static void run_load(void) {
  make_message();
  poller = epoll_create1(0);
  sessions = calloc((size_t)connections, sizeof *sessions);
  for (int i = 0; i < connections; i++) {
    sessions[i].fd = -1;
    start_session(&sessions[i]);
  }
  double count_from = now() + warmup_seconds, cpu_before = 0, t = now();
  while (!stopped && (!counting || t < count_from + count_seconds) && errors() <= 20000) {
    serve_events();
    t = now();
    if (!counting && t >= count_from) {
      counting = 1;
      count_from = t;
      cpu_before = own_cpu();
    }
  }
  if (!counting) count_from = t - 1e-9;
  print_result(t - count_from, own_cpu() - cpu_before);
}

int main(int argc, char **argv) {
  parse_options(argc, argv);
  if (run_on_cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(run_on_cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  random_state ^= (unsigned long)getpid() << 20;
  server.sin_family = AF_INET;
  server.sin_port = htons((unsigned short)port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (mode == IDLE) return run_idle();
  run_load();
  return 0;
}
