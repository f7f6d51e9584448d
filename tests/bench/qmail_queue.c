/*
 * qmail_queue: a stand-in for qmail-queue with its interface and its promise, and nothing behind it.
 *
 * Reads the message from descriptor 0 and the envelope from descriptor 1, writes both into the folder
 * "stand-in-queue" beside this program's own folder, syncs the files and the folder, and exits 0. Exit
 * codes are qmail-queue's: 51 out of memory, 53 write error, 54 read error, 63 no folder, 91 bad envelope.
 * It takes the place of qmail-queue for every server that is measured, so that W2q compares the fronts.
 *
 *   gcc -O2 -o qmail-queue qmail_queue.c
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

/* Copies `from` into a new synced file; the copied bytes, or the negated exit code. */
static long copy_synced(int from, int folder, const char *name, char *last_two) {
  int to = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (to < 0) return -53;
  long total = 0;
  for (ssize_t n; (n = read(from, buffer, sizeof buffer)) != 0; total += n) {
    if (n < 0) return -54;
    if (write(to, buffer, (size_t)n) != n) return -53;
    last_two[0] = n > 1 ? buffer[n - 2] : last_two[1];
    last_two[1] = buffer[n - 1];
  }
  if (fsync(to) < 0) return -53;
  close(to);
  return total;
}

int main(void) {
  char path[4096], message[64], envelope[64], todo[64], last_two[2] = {1, 1};
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
  if (n <= 0) return 63;
  path[n] = 0;
  for (int i = 0; i < 2; i++) {
    char *slash = strrchr(path, '/');
    if (slash == NULL) return 63;
    *slash = 0;
  }
  strcat(path, "/stand-in-queue");
  int folder = open(path, O_RDONLY | O_DIRECTORY);
  if (folder < 0) return 63;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  snprintf(message, sizeof message, "mess.%d.%ld%09ld", getpid(), (long)t.tv_sec, t.tv_nsec);
  snprintf(envelope, sizeof envelope, "intd.%d.%ld%09ld", getpid(), (long)t.tv_sec, t.tv_nsec);
  snprintf(todo, sizeof todo, "todo.%d.%ld%09ld", getpid(), (long)t.tv_sec, t.tv_nsec);
  long copied = copy_synced(0, folder, message, last_two);
  if (copied < 0) return (int)-copied;
  last_two[0] = last_two[1] = 1;
  copied = copy_synced(1, folder, envelope, last_two);
  if (copied < 0) return (int)-copied;
  if (copied < 2 || last_two[0] != 0 || last_two[1] != 0) return 91;
  if (linkat(folder, envelope, folder, todo, 0) < 0) return 53;
  if (fsync(folder) < 0) return 53;
  return 0;
}
