/* upstream.c - fast fake OpenAI-compatible upstream for proxy benchmarks.
 *
 * One thread, epoll, no dependencies:   gcc -O2 -o upstream upstream.c
 * Usage:  upstream [port=9000] [default_chunks=50] [default_delay_us=0] [ttft_us=0]
 *
 * Any POST is a chat completion; the request body steers it, with fields that
 * every gateway forwards unchanged:
 *     "stream": true     -> SSE (chunked transfer), else one ~1 KB JSON answer
 *     "max_tokens": N    -> N content chunks          (default_chunks)
 *     "seed": D          -> D microseconds between chunks, absolute schedule,
 *                           0 = as fast as possible   (default_delay_us)
 * Every content delta is  "@<19-digit CLOCK_MONOTONIC ns>@" taken just before
 * send(), so a client on the same machine can compute the one-way delay of each
 * chunk through the proxy.  GET returns a small JSON (models list / health).
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAXFD 65536
#define INBUF (1 << 20)

typedef struct {
    int fd, streaming, k, n, hidx, blocked, in_ready, want_close;
    char *in;
    size_t inlen, incap;
    char out[4096];
    size_t outlen, outoff;
    char *big;
    size_t biglen, bigoff; /* non-stream answer */
    uint64_t t0, due;
    long delay_us;
} conn;

static conn *C[MAXFD];
static int ep, tfd;
static int heap[MAXFD], hn; /* min-heap of fds by due */
static int ready[MAXFD], rn;
static long def_chunks = 50, def_delay = 0, ttft_us = 0;
static unsigned long long nreq, nchunks;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static void hset(int i, int fd) {
    heap[i] = fd;
    C[fd]->hidx = i;
}
static void up(int i) {
    int f = heap[i];
    while (i > 0) {
        int p = (i - 1) / 2;
        if (C[heap[p]]->due <= C[f]->due)
            break;
        hset(i, heap[p]);
        i = p;
    }
    hset(i, f);
}
static void down(int i) {
    int f = heap[i];
    for (;;) {
        int c = 2 * i + 1;
        if (c >= hn)
            break;
        if (c + 1 < hn && C[heap[c + 1]]->due < C[heap[c]]->due)
            c++;
        if (C[heap[c]]->due >= C[f]->due)
            break;
        hset(i, heap[c]);
        i = c;
    }
    hset(i, f);
}
static void hpush(int fd) {
    heap[hn] = fd;
    C[fd]->hidx = hn;
    up(hn++);
}
static void hdel(int fd) {
    int i = C[fd]->hidx;
    if (i < 0)
        return;
    C[fd]->hidx = -1;
    if (i == --hn)
        return;
    int l = heap[hn];
    hset(i, l);
    up(i);
    down(C[l]->hidx);
}
static void mod(conn *c, uint32_t ev) {
    struct epoll_event e = {.events = ev, .data.fd = c->fd};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
static void rpush(conn *c) {
    if (!c->in_ready) {
        c->in_ready = 1;
        ready[rn++] = c->fd;
    }
}

static void closec(conn *c) {
    hdel(c->fd);
    for (int i = 0; i < rn; i++)
        if (ready[i] == c->fd) {
            ready[i] = ready[--rn];
            break;
        }
    close(c->fd);
    C[c->fd] = NULL;
    free(c->in);
    free(c->big);
    free(c);
}
static long jint(const char *b, size_t n, const char *key, long dflt) {
    char *p = memmem(b, n, key, strlen(key));
    if (!p)
        return dflt;
    p += strlen(key);
    while (p < b + n && (*p == ' ' || *p == ':'))
        p++;
    if (p < b + n && (*p < '0' || *p > '9'))
        return dflt;
    return atol(p);
}
static int jtrue(const char *b, size_t n, const char *key) {
    char *p = memmem(b, n, key, strlen(key));
    if (!p)
        return 0;
    p += strlen(key);
    while (p < b + n && (*p == ' ' || *p == ':'))
        p++;
    return p + 4 <= b + n && !memcmp(p, "true", 4);
}
/* 0 = all sent, 1 = blocked, -1 = dead */
static int flush(conn *c) {
    while (c->outoff < c->outlen) {
        ssize_t r = send(c->fd, c->out + c->outoff, c->outlen - c->outoff, MSG_NOSIGNAL);
        if (r < 0) {
            if (errno == EAGAIN)
                return 1;
            return -1;
        }
        c->outoff += r;
    }
    c->outoff = c->outlen = 0;
    while (c->bigoff < c->biglen) {
        ssize_t r = send(c->fd, c->big + c->bigoff, c->biglen - c->bigoff, MSG_NOSIGNAL);
        if (r < 0) {
            if (errno == EAGAIN)
                return 1;
            return -1;
        }
        c->bigoff += r;
    }
    c->biglen = c->bigoff = 0;
    return 0;
}
static const char CH[] =
    "data: "
    "{\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion.chunk\",\"created\":"
    "1760000000,"
    "\"model\":\"gpt-bench\",\"system_fingerprint\":\"fp_bench\",\"choices\":[{\"index\":0,"
    "\"delta\":{%s},\"logprobs\":null,\"finish_reason\":%s}]}\n\n";
static void addchunk(conn *c, const char *s, int n) {
    c->outlen += sprintf(c->out + c->outlen, "%x\r\n%.*s\r\n", n, n, s);
}

static int
sendchunk(conn *c) { /* next SSE event of this stream; -1 dead, 0 more, 1 finished, 2 blocked */
    char ev[1024], d[128];
    int n;
    if (c->k < c->n) {
        if (c->k == 0)
            sprintf(d, "\"role\":\"assistant\",\"content\":\"@%019llu@\"",
                    (unsigned long long)now());
        else
            sprintf(d, "\"content\":\"@%019llu@\"", (unsigned long long)now());
        n = sprintf(ev, CH, d, "null");
        addchunk(c, ev, n);
        nchunks++;
    } else {
        n = sprintf(ev, CH, "", "\"stop\"");
        addchunk(c, ev, n);
        n = sprintf(
            ev,
            "data: "
            "{\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion.chunk\",\"created\":"
            "1760000000,\"model\":\"gpt-bench\",\"choices\":[],"
            "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n",
            c->n, c->n + 200);
        addchunk(c, ev, n);
        addchunk(c, "data: [DONE]\n\n", 14);
        c->outlen += sprintf(c->out + c->outlen, "0\r\n\r\n");
        c->streaming = 0;
    }
    c->k++;
    int r = flush(c);
    if (r < 0)
        return -1;
    if (r == 1) {
        c->blocked = 1;
        mod(c, EPOLLOUT | EPOLLIN);
        return 2;
    }
    return c->streaming ? 0 : 1;
}
static void schedule(conn *c) {
    if (c->delay_us == 0) {
        rpush(c);
        return;
    }
    c->due = c->t0 + (uint64_t)c->k * c->delay_us * 1000;
    hpush(c->fd);
}
static void step(conn *c) {
    int r = sendchunk(c);
    if (r < 0)
        closec(c);
    else if (r == 0)
        schedule(c);
}

static void answer(conn *c, int get, const char *b, size_t n) {
    nreq++;
    if (get) {
        const char *j = "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-bench\",\"object\":\"model\","
                        "\"created\":1,\"owned_by\":\"bench\"}]}";
        c->outlen = sprintf(
            c->out,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
            strlen(j), j);
    } else if (jtrue(b, n, "\"stream\"")) {
        c->n = jint(b, n, "\"max_tokens\"", def_chunks);
        c->delay_us = jint(b, n, "\"seed\"", def_delay);
        c->k = 0;
        c->streaming = 1;
        c->t0 = now() + ttft_us * 1000;
        c->outlen = sprintf(
            c->out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: "
            "no-cache\r\nx-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n");
        if (ttft_us == 0) {
            step(c);
            return;
        }
        flush(c);
        c->due = c->t0;
        hpush(c->fd);
        return;
    } else {
        char body[2048];
        static char pad[601];
        if (!pad[0])
            memset(pad, 'x', 600);
        int m = sprintf(body,
                        "{\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion\","
                        "\"created\":1760000000,\"model\":\"gpt-bench\",\"choices\":[{\"index\":0,"
                        "\"message\":{\"role\":\"assistant\",\"content\":\"@%019llu@ "
                        "%s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                        "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":120,\"total_"
                        "tokens\":320},\"system_fingerprint\":\"fp_bench\"}",
                        (unsigned long long)now(), pad);
        c->outlen = sprintf(c->out,
                            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: "
                            "req_bench\r\nContent-Length: %d\r\n\r\n%s",
                            m, body);
    }
    int r = flush(c);
    if (r < 0)
        closec(c);
    else if (r == 1) {
        c->blocked = 1;
        mod(c, EPOLLOUT | EPOLLIN);
    }
}
/* case-insensitive header lookup in [h, h+n) */
static char *hdr(char *h, size_t n, const char *name) {
    size_t l = strlen(name);
    char *e = h + n;
    for (char *p = h; p && p + l < e;) {
        char *q = memmem(p, e - p, "\r\n", 2);
        if (!q)
            return NULL;
        q += 2;
        if (q + l < e && !strncasecmp(q, name, l))
            return q + l;
        p = q;
    }
    return NULL;
}
static void onread(conn *c) {
    int fd = c->fd;
    for (;;) {
        if (c->incap - c->inlen < 4096) {
            c->incap *= 2;
            if (c->incap > 64u << 20) {
                closec(c);
                return;
            }
            c->in = realloc(c->in, c->incap + 1);
        }
        ssize_t r = recv(fd, c->in + c->inlen, c->incap - c->inlen, 0);
        if (r == 0) {
            closec(c);
            return;
        }
        if (r < 0) {
            if (errno == EAGAIN)
                break;
            closec(c);
            return;
        }
        c->inlen += r;
        if (c->inlen < c->incap)
            break;
    }
    while (!c->streaming && !c->blocked && c->inlen) {
        c->in[c->inlen] = 0;
        char *he = memmem(c->in, c->inlen, "\r\n\r\n", 4);
        if (!he)
            return;
        size_t hl = he + 4 - c->in, bl = 0;
        char *v;
        char *body = he + 4;
        if ((v = hdr(c->in, hl, "content-length:"))) {
            bl = atol(v);
            if (c->inlen < hl + bl)
                return;
        } else if ((v = hdr(c->in, hl,
                            "transfer-encoding:"))) { /* chunked request body: decode in place */
            char *p = body, *w = body, *end = c->in + c->inlen;
            size_t got = 0;
            char *save = NULL;
            (void)save;
            /* first pass: is it complete? */
            char *q = p;
            int ok = 0;
            while (q < end) {
                char *nl = memmem(q, end - q, "\r\n", 2);
                if (!nl)
                    break;
                size_t sz = strtoul(q, NULL, 16);
                q = nl + 2;
                if (sz == 0) {
                    if (q + 2 <= end) {
                        ok = 1;
                        q += 2;
                    }
                    break;
                }
                if (q + sz + 2 > end)
                    break;
                q += sz + 2;
            }
            if (!ok)
                return;
            while (p < q) {
                char *nl = memmem(p, q - p, "\r\n", 2);
                size_t sz = strtoul(p, NULL, 16);
                p = nl + 2;
                if (!sz)
                    break;
                memmove(w, p, sz);
                w += sz;
                got += sz;
                p += sz + 2;
            }
            size_t used = q - c->in;
            int get = c->in[0] == 'G';
            char *copy = malloc(got + 1);
            memcpy(copy, body, got);
            copy[got] = 0;
            memmove(c->in, c->in + used, c->inlen - used);
            c->inlen -= used;
            answer(c, get, copy, got);
            free(copy);
            if (C[fd] != c)
                return;
            continue;
        }
        int get = c->in[0] == 'G';
        char sv = body[bl];
        body[bl] = 0;
        size_t used = hl + bl;
        char *copy = malloc(bl + 1);
        memcpy(copy, body, bl + 1);
        body[bl] = sv;
        memmove(c->in, c->in + used, c->inlen - used);
        c->inlen -= used;
        answer(c, get, copy, bl);
        free(copy);
        if (C[fd] != c)
            return;
    }
}
static void stats(int s) {
    (void)s;
    fprintf(stderr, "requests %llu chunks %llu\n", nreq, nchunks);
    _exit(0);
}
int main(int ac, char **av) {
    int port = ac > 1 ? atoi(av[1]) : 9000;
    if (ac > 2)
        def_chunks = atol(av[2]);
    if (ac > 3)
        def_delay = atol(av[3]);
    if (ac > 4)
        ttft_us = atol(av[4]);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stats);
    signal(SIGINT, stats);
    prctl(PR_SET_TIMERSLACK, 1000);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) {
        perror("bind/listen");
        return 1;
    }
    ep = epoll_create1(0);
    tfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = l};
    epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
    e.data.fd = tfd;
    epoll_ctl(ep, EPOLL_CTL_ADD, tfd, &e);
    uint64_t armed = 0;
    struct epoll_event evs[512];
    for (;;) {
        uint64_t t = now();
        while (hn && C[heap[0]]->due <= t) {
            conn *c = C[heap[0]];
            hdel(c->fd);
            step(c);
        }
        if (rn) {
            int m = rn;
            static int tmp[MAXFD];
            memcpy(tmp, ready, m * sizeof(int));
            rn = 0;
            for (int i = 0; i < m; i++)
                if (C[tmp[i]])
                    C[tmp[i]]->in_ready = 0;
            for (int i = 0; i < m; i++)
                if (C[tmp[i]])
                    step(C[tmp[i]]);
        }
        if (hn && C[heap[0]]->due != armed) {
            armed = C[heap[0]]->due;
            struct itimerspec it = {.it_value = {armed / 1000000000ull, armed % 1000000000ull}};
            timerfd_settime(tfd, TFD_TIMER_ABSTIME, &it, NULL);
        }
        int n = epoll_wait(ep, evs, 512, rn ? 0 : -1);
        for (int i = 0; i < n; i++) {
            int fd = evs[i].data.fd;
            if (fd == tfd) {
                uint64_t x;
                if (read(tfd, &x, 8) > 0)
                    armed = 0;
                continue;
            }
            if (fd == l) {
                for (;;) {
                    int k = accept4(l, NULL, NULL, SOCK_NONBLOCK);
                    if (k < 0)
                        break;
                    if (k >= MAXFD) {
                        close(k);
                        continue;
                    }
                    setsockopt(k, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    conn *c = calloc(1, sizeof *c);
                    c->fd = k;
                    c->hidx = -1;
                    c->incap = 8192;
                    c->in = malloc(c->incap + 1);
                    C[k] = c;
                    e.events = EPOLLIN;
                    e.data.fd = k;
                    epoll_ctl(ep, EPOLL_CTL_ADD, k, &e);
                }
                continue;
            }
            conn *c = C[fd];
            if (!c)
                continue;
            if (c->blocked && (evs[i].events & EPOLLOUT)) {
                int r = flush(c);
                if (r < 0) {
                    closec(c);
                    continue;
                }
                if (r == 0) {
                    c->blocked = 0;
                    mod(c, EPOLLIN);
                    if (c->streaming)
                        schedule(c);
                }
            }
            if (C[fd] == c && (evs[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                onread(c);
        }
    }
}
