/* llmload.c - closed-loop load generator for OpenAI-compatible endpoints (JSON and SSE).
 *
 * One thread, epoll, keep-alive, no dependencies:  gcc -O2 -o llmload llmload.c
 *   llmload -p PORT [-a 127.0.0.1] [-u /v1/chat/completions] [-c CONC] [-d SECONDS | -n REQUESTS]
 *           [-s] stream  [-k CHUNKS] [-i DELAY_US]  (sent as max_tokens and seed; see upstream.c)
 *           [-m MODEL] [-b PROMPT_BYTES] [-H "Header: value"]... [-w WARMUP_S] [-r RAMP_MS] [-B
 * body-file] [-1] new connection per request [-K API_KEY] Prints one JSON line.  All times in
 * microseconds. lat      whole request;  ttft  first content event;  chunk  one-way delay of each
 * content event from the upstream's send() to our recv() (timestamps ride in the content; same host
 * only) gap      time between consecutive content events as seen here
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    float *v;
    size_t n, cap;
} vec;
static void vpush(vec *a, double x) {
    if (a->n == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 65536;
        a->v = realloc(a->v, a->cap * sizeof(float));
    }
    a->v[a->n++] = x;
}
static int cmpf(const void *a, const void *b) {
    float x = *(float *)a, y = *(float *)b;
    return x < y ? -1 : x > y;
}
static void vout(const char *name, vec *a) {
    if (!a->n) {
        printf(",\"%s\":null", name);
        return;
    }
    qsort(a->v, a->n, sizeof(float), cmpf);
    double s = 0;
    for (size_t i = 0; i < a->n; i++)
        s += a->v[i];
#define Q(q) a->v[(size_t)((a->n - 1) * (q))]
    printf(",\"%s\":{\"n\":%zu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
           "\"max\":%.1f}",
           name, a->n, s / a->n, Q(.5), Q(.9), Q(.99), Q(.999), Q(1.0));
}
static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

enum { IDLE, CONNECTING, HEAD, BODY };
typedef struct {
    int fd, st, chunked, status, gotfirst, done, cst, conclose;
    long clen;
    size_t need;
    char *body;
    size_t blen, bcap, scan;
    char head[16384];
    size_t hlen;
    char line[64];
    int ll;
    uint64_t t0, last;
    size_t woff;
    uint64_t startat;
} conn;
static conn *K;
static int conc = 1, stream, chunks = 50, oneshot;
static long delay_us, maxreq = -1;
static char *req;
static size_t reqlen;
static struct sockaddr_in addr;
static int ep;
static vec lat, ttft, chunk, gap;
static long started, finished, errs, nchunk, badstatus, reconn;
static uint64_t tstart, tmeasure, tend;
static char lasterr[300];
static long bytes_in;

static void setev(conn *c, int op, uint32_t e) {
    struct epoll_event ev = {.events = e, .data.u32 = c - K};
    epoll_ctl(ep, op, c->fd, &ev);
}
static void dropc(conn *c) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->st = IDLE;
}
static int sendreq(conn *c) {
    while (c->woff < reqlen) {
        ssize_t r = send(c->fd, req + c->woff, reqlen - c->woff, MSG_NOSIGNAL);
        if (r < 0) {
            if (errno == EAGAIN) {
                setev(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
                return 0;
            }
            return -1;
        }
        c->woff += r;
    }
    return 1;
}
static void begin(conn *c) {
    if ((maxreq >= 0 && started >= maxreq) || now() >= tend) {
        c->st = IDLE;
        return;
    }
    started++;
    c->hlen = c->blen = c->scan = 0;
    c->chunked = c->status = c->gotfirst = c->done = c->cst = c->ll = 0;
    c->clen = -1;
    c->conclose = 0;
    c->woff = 0;
    c->last = 0;
    c->t0 = now();
    if (c->fd < 0) {
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connect(c->fd, (void *)&addr, sizeof addr);
        c->st = CONNECTING;
        setev(c, EPOLL_CTL_ADD, EPOLLOUT | EPOLLIN);
        return;
    }
    c->st = HEAD;
    if (sendreq(c) < 0) {
        errs++;
        dropc(c);
    }
}
static void addbody(conn *c, const char *p, size_t n) {
    if (c->blen + n + 1 > c->bcap) {
        c->bcap = (c->blen + n) * 2 + 4096;
        c->body = realloc(c->body, c->bcap);
    }
    memcpy(c->body + c->blen, p, n);
    c->blen += n;
    c->body[c->blen] = 0;
}
static void feed(conn *c, const char *p, size_t n) { /* body bytes, after the head */
    if (!c->chunked) {
        addbody(c, p, n);
        if (c->clen >= 0 && (long)c->blen >= c->clen)
            c->done = 1;
        return;
    }
    while (n) {
        if (c->cst == 0) {
            char ch = *p++;
            n--;
            if (ch == '\n') {
                c->line[c->ll] = 0;
                c->need = strtoul(c->line, NULL, 16);
                c->ll = 0;
                c->cst = c->need ? 1 : 3;
            } else if (c->ll < 60)
                c->line[c->ll++] = ch;
        } else if (c->cst == 1) {
            size_t m = n < c->need ? n : c->need;
            addbody(c, p, m);
            p += m;
            n -= m;
            c->need -= m;
            if (!c->need)
                c->cst = 2;
        } else if (c->cst == 2) {
            if (*p == '\n')
                c->cst = 0;
            p++;
            n--;
        } else {
            char ch = *p++;
            n--;
            if (ch == '\n') {
                if (c->ll == 0 || (c->ll == 1 && c->line[0] == '\r')) {
                    c->done = 1;
                    return;
                }
                c->ll = 0;
            } else if (c->ll < 60)
                c->line[c->ll++] = ch;
        }
    }
}
static void scan(conn *c, uint64_t t) {
    while (c->scan + 21 <= c->blen) {
        char *p = memchr(c->body + c->scan, '@', c->blen - c->scan);
        if (!p) {
            c->scan = c->blen;
            return;
        }
        if (p + 21 > c->body + c->blen) {
            c->scan = p - c->body;
            return;
        }
        if (p[20] != '@' || p[1] < '0' || p[1] > '9') {
            c->scan = p + 1 - c->body;
            continue;
        }
        uint64_t ts = strtoull(p + 1, NULL, 10);
        c->scan = p + 21 - c->body;
        nchunk++;
        if (t >= tmeasure) {
            vpush(&chunk, (t - ts) / 1000.0);
            if (c->last && stream)
                vpush(&gap, (t - c->last) / 1000.0);
            if (!c->gotfirst)
                vpush(&ttft, (t - c->t0) / 1000.0);
        }
        c->gotfirst = 1;
        c->last = t;
    }
}
static void finish(conn *c, uint64_t t) {
    int ok = c->status == 200 && c->gotfirst;
    if (stream && ok && !memmem(c->body, c->blen, "data: [DONE]", 12))
        ok = 0;
    if (!ok) {
        if (c->status != 200)
            badstatus++;
        errs++;
        if (!lasterr[0]) {
            snprintf(lasterr, sizeof lasterr, "status %d body %.200s", c->status,
                     c->body ? c->body : "");
            for (char *p = lasterr; *p; p++)
                if (*p == '"' || *p == '\\' || (unsigned char)*p < 32)
                    *p = ' ';
        }
    } else {
        if (c->t0 >= tmeasure)
            vpush(&lat, (t - c->t0) / 1000.0);
        finished += t >= tmeasure;
    }
    if (c->conclose || oneshot || !ok) {
        dropc(c);
        reconn++;
    }
    begin(c);
}
static void onread(conn *c) {
    char buf[65536];
    for (;;) {
        ssize_t r = recv(c->fd, buf, sizeof buf, 0);
        uint64_t t = now();
        if (r < 0) {
            if (errno == EAGAIN)
                return;
            r = 0;
        }
        if (r == 0) {
            if (c->st == BODY && !c->chunked && c->clen < 0) {
                c->conclose = 1;
                scan(c, t);
                finish(c, t);
                return;
            }
            if (c->st != IDLE) {
                if (c->st == HEAD && c->hlen == 0) {
                    started--;
                    reconn++;
                    dropc(c);
                    begin(c);
                    return;
                }
                errs++;
                if (!lasterr[0])
                    strcpy(lasterr, "connection closed early");
            }
            dropc(c);
            begin(c);
            return;
        }
        bytes_in += r;
        char *p = buf;
        size_t n = r;
        if (c->st == HEAD) {
            size_t old = c->hlen, m = n;
            if (c->hlen + m > sizeof c->head - 1)
                m = sizeof c->head - 1 - c->hlen;
            memcpy(c->head + c->hlen, p, m);
            c->hlen += m;
            c->head[c->hlen] = 0;
            char *e = strstr(c->head, "\r\n\r\n");
            if (!e)
                return;
            size_t hl = e + 4 - c->head;
            p += hl - old;
            n -= hl - old;
            *e = 0;
            c->status = atoi(c->head + 9);
            c->st = BODY;
            char *h;
            if ((h = strcasestr(c->head, "\r\ntransfer-encoding: chunked")))
                c->chunked = 1;
            if ((h = strcasestr(c->head, "\r\ncontent-length:")))
                c->clen = atol(h + 17);
            if (strcasestr(c->head, "\r\nconnection: close"))
                c->conclose = 1;
        }
        if (n)
            feed(c, p, n);
        else if (c->clen == 0)
            c->done = 1;
        scan(c, t);
        if (c->done) {
            finish(c, t);
            return;
        }
        if (r < (ssize_t)sizeof buf)
            return;
    }
}
int main(int ac, char **av) {
    int port = 9000, o, pbytes = 600;
    double dur = 5, warm = 0.5;
    long ramp = 0;
    const char *ip = "127.0.0.1", *url = "/v1/chat/completions", *model = "gpt-bench",
               *key = "sk-bench-5f3a9c17e2d84b60a1c7d9e3f4b2a860", *bodyf = NULL;
    char hdrs[4096] = "";
    while ((o = getopt(ac, av, "a:p:u:c:d:n:sk:i:m:b:H:w:r:B:1K:")) != -1)
        switch (o) {
        case 'a':
            ip = optarg;
            break;
        case 'p':
            port = atoi(optarg);
            break;
        case 'u':
            url = optarg;
            break;
        case 'c':
            conc = atoi(optarg);
            break;
        case 'd':
            dur = atof(optarg);
            break;
        case 'n':
            maxreq = atol(optarg);
            break;
        case 's':
            stream = 1;
            break;
        case 'k':
            chunks = atoi(optarg);
            break;
        case 'i':
            delay_us = atol(optarg);
            break;
        case 'm':
            model = optarg;
            break;
        case 'b':
            pbytes = atoi(optarg);
            break;
        case 'H':
            strcat(strcat(hdrs, optarg), "\r\n");
            break;
        case 'w':
            warm = atof(optarg);
            break;
        case 'r':
            ramp = atol(optarg);
            break;
        case 'B':
            bodyf = optarg;
            break;
        case '1':
            oneshot = 1;
            break;
        case 'K':
            key = optarg;
            break;
        default:
            return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    char *body;
    size_t bl;
    if (bodyf) {
        FILE *f = fopen(bodyf, "r");
        body = malloc(16 << 20);
        bl = fread(body, 1, 16 << 20, f);
        fclose(f);
    } else {
        char *pad = malloc(pbytes + 1);
        for (int i = 0; i < pbytes; i++)
            pad[i] = i % 6 == 5 ? ' ' : 'a' + i % 26;
        pad[pbytes] = 0;
        body = malloc(pbytes + 1024);
        bl = sprintf(
            body,
            "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful "
            "assistant.\"},{\"role\":\"user\",\"content\":\"%s\"}],\"temperature\":0.7,\"max_"
            "tokens\":%d,\"seed\":%ld%s}",
            model, pad, chunks, delay_us,
            stream ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "");
    }
    req = malloc(bl + 8192);
    reqlen = sprintf(
        req,
        "POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\nContent-Type: "
        "application/json\r\nAccept: %s\r\nUser-Agent: llmload/1\r\n%sContent-Length: %zu\r\n\r\n",
        url, ip, port, key, stream ? "text/event-stream" : "application/json", hdrs, bl);
    memcpy(req + reqlen, body, bl);
    reqlen += bl;
    addr.sin_family = AF_INET;
    addr.sin_port = htons(port);
    addr.sin_addr.s_addr = inet_addr(ip);
    ep = epoll_create1(0);
    K = calloc(conc, sizeof *K);
    tstart = now();
    tmeasure = tstart + warm * 1e9;
    tend = tmeasure + dur * 1e9;
    if (maxreq >= 0) {
        tmeasure = tstart;
        tend = tstart + 600e9;
    }
    for (int i = 0; i < conc; i++) {
        K[i].fd = -1;
        K[i].startat = tstart + (uint64_t)(ramp * 1e6 * i / conc);
    }
    int next = 0;
    struct epoll_event evs[512];
    uint64_t grace = (uint64_t)(20e9) + (uint64_t)chunks * delay_us * 1000 * 3;
    for (;;) {
        uint64_t t = now();
        int tmo = 100;
        while (next < conc && K[next].startat <= t)
            begin(&K[next++]);
        if (next < conc)
            tmo = 1;
        if (next == conc) {
            int busy = 0;
            if (t >= tend || maxreq >= 0) {
                for (int i = 0; i < conc; i++)
                    if (K[i].st != IDLE) {
                        busy = 1;
                        break;
                    }
                if (!busy)
                    break;
                if (t > tend + grace)
                    break;
            }
        }
        int n = epoll_wait(ep, evs, 512, tmo);
        for (int i = 0; i < n; i++) {
            conn *c = &K[evs[i].data.u32];
            if (c->fd < 0)
                continue;
            if (c->st == CONNECTING) {
                int e = 0;
                socklen_t l = sizeof e;
                getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
                if (e) {
                    errs++;
                    if (!lasterr[0])
                        strcpy(lasterr, strerror(e));
                    dropc(c);
                    usleep(1000);
                    begin(c);
                    continue;
                }
                c->st = HEAD;
                setev(c, EPOLL_CTL_MOD, EPOLLIN);
                if (sendreq(c) < 0) {
                    errs++;
                    dropc(c);
                    begin(c);
                    continue;
                }
                continue;
            }
            if ((evs[i].events & EPOLLOUT) && c->woff < reqlen) {
                int r = sendreq(c);
                if (r < 0) {
                    errs++;
                    dropc(c);
                    begin(c);
                    continue;
                }
                if (r)
                    setev(c, EPOLL_CTL_MOD, EPOLLIN);
            }
            if (evs[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                if (c->st == IDLE) {
                    dropc(c);
                    continue;
                }
                onread(c);
            }
        }
    }
    uint64_t t = now();
    double el = ((maxreq >= 0 ? t : (t < tend ? t : tend)) - tmeasure) / 1e9;
    int unfinished = 0;
    for (int i = 0; i < conc; i++)
        if (K[i].st != IDLE)
            unfinished++;
    /* chunk rate over the real span of measuring, including the drain */
    double span = (t - tmeasure) / 1e9;
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    printf("{\"conc\":%d,\"stream\":%d,\"elapsed\":%.3f,\"span\":%.3f,\"requests\":%ld,\"rps\":%."
           "1f,\"errors\":%ld,\"badstatus\":%ld,\"unfinished\":%d,\"reconnects\":%ld,\"chunks\":%"
           "ld,\"chunks_ps\":%.0f,\"events\":%zu,\"client_cpu_s\":%.2f",
           conc, stream, el, span, finished, finished / span, errs, badstatus, unfinished, reconn,
           nchunk, chunk.n / span, chunk.n,
           ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
               (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    vout("lat", &lat);
    vout("ttft", &ttft);
    vout("chunk", &chunk);
    vout("gap", &gap);
    printf(",\"lasterr\":\"%s\"}\n", lasterr);
    return 0;
}
