// A program that works until it is told to end: says `ready` when it is, answers `report` and `reset` on its standard input, one
// line of JSON each, reports a last time at SIGTERM or SIGINT, and ends.

#ifndef LIVE_SERVICE_H
#define LIVE_SERVICE_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include "kernel.h"

struct service {
  int signals;
  bool deaf; // nobody is at the other end of the standard input
  char line[64];
  size_t length;
};

// To be called before threads and links are made.
static struct service open_service(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct service service = {.signals = signalfd(-1, &set, SFD_CLOEXEC)};
  if (service.signals < 0) fail("signalfd");
  return service;
}

static void say_ready(void) {
  puts("ready");
  fflush(stdout);
}

static void answer(const char *line, void *context, void (*report)(void *), void (*reset)(void *)) {
  if (strcmp(line, "reset") == 0 && reset != NULL) {
    reset(context);
    puts("{}");
  } else if (strcmp(line, "report") == 0) {
    report(context);
  } else {
    die("there is no such command");
  }
  fflush(stdout);
}

static void hear(struct service *s, void *context, void (*report)(void *), void (*reset)(void *)) {
  ssize_t count = read(STDIN_FILENO, s->line + s->length, sizeof s->line - 1 - s->length);
  if (count <= 0) {
    s->deaf = true;
    return;
  }
  s->length += (size_t)count;
  s->line[s->length] = 0;
  for (char *end; (end = strchr(s->line, '\n')) != NULL;) {
    *end = 0;
    answer(s->line, context, report, reset);
    s->length -= (size_t)(end + 1 - s->line);
    memmove(s->line, end + 1, s->length + 1);
  }
}

// Waits at most `milliseconds` (-1: as long as it takes) for any of `others` to be readable, a command or the end. False at the end.
static bool attend(struct service *s, struct pollfd *others, nfds_t count, int milliseconds, void *context,
                   void (*report)(void *), void (*reset)(void *)) {
  struct pollfd all[6] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->deaf ? -1 : STDIN_FILENO, .events = POLLIN}};
  if (count > 4) abort();
  memcpy(all + 2, others, count * sizeof *others);
  if (poll(all, 2 + count, milliseconds) < 0 && errno != EINTR) fail("poll");
  if (all[1].revents != 0) hear(s, context, report, reset);
  if (all[0].revents == 0) return true;
  report(context);
  fflush(stdout);
  return false;
}

#endif
