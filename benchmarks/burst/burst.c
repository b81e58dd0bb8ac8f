/* burst: one POST for each line of a file, sent when each is due, over many connections to a server on loopback.
 *
 *   burst PORT PATH FILE RATE CONNECTIONS HOLD ANSWERS
 *
 * FILE has one bearer token per line. RATE is requests per second; 0 sends all at once. All CONNECTIONS are opened, and
 * held for HOLD seconds, before the first request is sent; a connection is reused after its response. A request that
 * waits for a connection is late: latency counts from when it was due. ANSWERS gets a line "<line> <status> <ms> <body>"
 * for each request; status 0 means a connection that failed or timed out. Nothing is sent twice.
 * The last line printed is "RESULT <opened> <answered> <broken> <seconds> <p50> <p90> <p99> <p99.9> <max>", in ms.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PER_ADDRESS = 20000, EVENTS = 1024, SILENCE = 120 };

struct connection {
    int socket;
    long line; /* of the request that waits for its response; -1: idle, -2: closed */
    double due;
    int length;
    char answer[6144];
};

static struct connection *connections;
static int *idle, idle_count, room, poll_fd, port;
static const char *path;
static FILE *answers;
static double *latencies;
static long answered, broken;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int ascending(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Connect from 127.0.0.2 and following addresses, one for each 20,000 connections, since ports are limited. */
static bool open_connection(int number) {
    struct connection *it = &connections[number];
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + number / PER_ADDRESS)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    it->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (it->socket < 0) return false;
    setsockopt(it->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(it->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(it->socket, (void *)&from, sizeof from);
    if (connect(it->socket, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        close(it->socket);
        return false;
    }
    it->line = -1;
    it->length = 0;
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = number};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, it->socket, &wanted);
    if (idle_count < room) idle[idle_count++] = number;
    return true;
}

static bool established(int number) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    return !getsockopt(connections[number].socket, IPPROTO_TCP, TCP_INFO, &info, &size) && info.tcpi_state == TCP_ESTABLISHED;
}

static void fail(struct connection *it) {
    if (it->line >= 0) {
        fprintf(answers, "%ld 0 %.3f \n", it->line, (now() - it->due) * 1000);
        broken++;
    }
    close(it->socket);
    it->line = -2;
}

static void post(struct connection *it, long line, const char *token, double due) {
    char request[4096];
    int size = snprintf(request, sizeof request,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                        path, token);
    it->line = line;
    it->due = due;
    it->length = 0;
    if (send(it->socket, request, size, MSG_NOSIGNAL) != size) fail(it);
}

/* Read available data; return true when the response is complete and its line is written. */
static bool take(struct connection *it) {
    int got = recv(it->socket, it->answer + it->length, sizeof it->answer - 1 - it->length, 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0 || it->line < 0) {
        fail(it);
        return false;
    }
    it->length += got;
    it->answer[it->length] = 0;
    char *body = strstr(it->answer, "\r\n\r\n");
    if (!body) return false;
    char *size = strcasestr(it->answer, "content-length:");
    body += 4;
    if (it->length < body - it->answer + (size ? atoi(size + 15) : 0)) return false;
    latencies[answered++] = (now() - it->due) * 1000;
    fprintf(answers, "%ld %d %.3f %s\n", it->line, atoi(it->answer + 9), latencies[answered - 1], body);
    it->line = -1;
    return true;
}

static char **read_lines(const char *name, long *count) {
    FILE *file = fopen(name, "r");
    char **lines = NULL, *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (!file) return NULL;
    for (*count = 0; (length = getline(&line, &room, file)) > 0; (*count)++) {
        if (*count % 4096 == 0) lines = realloc(lines, (*count + 4096) * sizeof *lines);
        line[strcspn(line, "\n")] = 0;
        lines[*count] = strdup(line);
    }
    free(line);
    fclose(file);
    return lines;
}

static int open_all(int wanted) {
    int opened = 0;
    while (opened < wanted && open_connection(opened)) {
        if (++opened % 200 == 0) usleep(8000); /* so that the server's queue of new connections is not exceeded */
    }
    for (double started = now(); now() - started < 30; usleep(50000)) {
        int ready = 0;
        while (ready < opened && established(ready)) ready++;
        if (ready == opened) break;
    }
    return opened;
}

static void send_all(char **tokens, long count, double rate) {
    struct epoll_event events[EVENTS];
    double start = now() + 0.05, ends = start + (rate > 0 ? count / rate : 0) + SILENCE;
    long next = 0;
    while (answered + broken < count && now() < ends) {
        while (next < count && idle_count > 0) {
            double due = start + (rate > 0 ? next / rate : 0);
            if (due > now()) break;
            struct connection *it = &connections[idle[--idle_count]];
            if (it->line == -1) post(it, next, tokens[next], due), next++;
        }
        int ready = epoll_wait(poll_fd, events, EVENTS, 1);
        for (int i = 0; i < ready; i++) {
            struct connection *it = &connections[events[i].data.u32];
            if (it->line != -2 && take(it) && idle_count < room) idle[idle_count++] = events[i].data.u32;
            if (it->line == -2) open_connection(events[i].data.u32);
        }
    }
    broken = count - answered;
}

int main(int argc, char **argv) {
    long count = 0;
    if (argc != 8) return fprintf(stderr, "burst PORT PATH FILE RATE CONNECTIONS HOLD ANSWERS\n"), 2;
    port = atoi(argv[1]);
    path = argv[2];
    char **tokens = read_lines(argv[3], &count);
    int wanted = atoi(argv[5]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    connections = calloc(wanted, sizeof *connections);
    room = 2 * wanted;
    idle = calloc(room + 1, sizeof *idle);
    latencies = calloc(count + 1, sizeof *latencies);
    answers = fopen(argv[7], "w");
    poll_fd = epoll_create1(0);
    if (!tokens || !connections || !idle || !latencies || !answers) return perror("burst"), 1;
    int opened = open_all(wanted);
    usleep(atof(argv[6]) * 1e6);
    double started = now();
    send_all(tokens, count, atof(argv[4]));
    double took = now() - started;
    fclose(answers);
    qsort(latencies, answered, sizeof *latencies, ascending);
    latencies[answered] = answered ? latencies[answered - 1] : 0;
    printf("RESULT %d %ld %ld %.3f %.3f %.3f %.3f %.3f %.3f\n", opened, answered, broken, took, latencies[answered / 2],
           latencies[(long)(answered * 0.9)], latencies[(long)(answered * 0.99)], latencies[(long)(answered * 0.999)],
           latencies[answered]);
    return 0;
}
