/*
 * The floor that the server's CPU per GiB is divided by: one TLS 1.2 connection, frames of LZ4 blocks, pwrite. One thread, no
 * acknowledgements, no checks of content; what arrives is bounds-checked all the same, because lengths are never trusted.
 *
 *   floor CERTIFICATE KEY FILE FILE_BYTES SECONDS_MAX
 *
 * A frame is u32 payload_len, u32 raw_len, u64 offset (little-endian) and the payload: the raw bytes themselves if
 * payload_len = raw_len, one LZ4 block otherwise. The stream ends with close_notify between two frames.
 *
 * Prints "port N" when it listens and, after the data is written and fdatasync has returned,
 * "cpu_micros C wall_micros W frames F raw_bytes R". Any failure is one line on standard error and exit code 1.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 16,
    RAW_BYTES_MAX = 256 * 1024,
    /* A payload is never longer than its raw bytes. */
    FRAME_BYTES_MAX = HEADER_BYTES + RAW_BYTES_MAX,
    BUFFER_BYTES = 4 * FRAME_BYTES_MAX,
    /* Several TLS records by one read(2). */
    READ_AHEAD_BYTES = 256 * 1024
};

static unsigned char buffer[BUFFER_BYTES];
static char raw[RAW_BYTES_MAX];

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("floor: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void fail_errno(const char *what) {
    fail("%s: %s", what, strerror(errno));
}

static void fail_tls(const char *what) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    fail("%s: %s", what, text);
}

static int64_t cpu_micros(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        fail_errno("getrusage");
    }
    return ((int64_t) usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec
            + usage.ru_stime.tv_usec;
}

static int64_t wall_micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t positive_number(const char *text, const char *name) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || value <= 0) {
        fail("%s=%s is not a number above zero", name, text);
    }
    return value;
}

static SSL_CTX *server_context(const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1
            || SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) != 1
            || SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1) {
        fail_tls("TLS context");
    }
    if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1
            || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fail_tls("certificate or key");
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    return context;
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *) &address, sizeof address) != 0 || listen(listener, 1) != 0
            || getsockname(listener, (struct sockaddr *) &address, &length) != 0) {
        fail_errno("cannot listen");
    }
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void write_fully(int file, const char *bytes, size_t length, off_t offset) {
    while (length > 0) {
        ssize_t written = pwrite(file, bytes, length, offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            fail_errno("pwrite");
        }
        bytes += written;
        length -= (size_t) written;
        offset += written;
    }
}

/* Writes the frame at the start of the buffer's unread part; returns its length, or 0 while it is not there as a whole. */
static size_t take_frame(const unsigned char *at, size_t have, int file, uint64_t file_bytes, int64_t *raw_bytes) {
    uint32_t payload_len;
    uint32_t raw_len;
    uint64_t offset;
    if (have < HEADER_BYTES) {
        return 0;
    }
    memcpy(&payload_len, at, sizeof payload_len);
    memcpy(&raw_len, at + 4, sizeof raw_len);
    memcpy(&offset, at + 8, sizeof offset);
    payload_len = le32toh(payload_len);
    raw_len = le32toh(raw_len);
    offset = le64toh(offset);
    if (raw_len == 0 || raw_len > RAW_BYTES_MAX || payload_len == 0 || payload_len > raw_len) {
        fail("payload_len=%u raw_len=%u, allowed are 1 to %d and no more payload", payload_len, raw_len, RAW_BYTES_MAX);
    }
    if (offset > file_bytes || raw_len > file_bytes - offset) {
        fail("offset=%llu raw_len=%u is beyond the file", (unsigned long long) offset, raw_len);
    }
    if (have - HEADER_BYTES < payload_len) {
        return 0;
    }
    const char *block = (const char *) at + HEADER_BYTES;
    if (payload_len < raw_len) {
        if (LZ4_decompress_safe(block, raw, (int) payload_len, (int) raw_len) != (int) raw_len) {
            fail("the block at offset=%llu does not expand to raw_len=%u", (unsigned long long) offset, raw_len);
        }
        block = raw;
    }
    write_fully(file, block, raw_len, (off_t) offset);
    *raw_bytes += raw_len;
    return HEADER_BYTES + (size_t) payload_len;
}

static void receive(SSL *tls, int file, uint64_t file_bytes, int64_t *frames, int64_t *raw_bytes) {
    size_t start = 0;
    size_t end = 0;
    for (;;) {
        if (BUFFER_BYTES - start < FRAME_BYTES_MAX) {
            memmove(buffer, buffer + start, end - start);
            end -= start;
            start = 0;
        }
        int n = SSL_read(tls, buffer + end, (int) (BUFFER_BYTES - end));
        if (n <= 0) {
            if (SSL_get_error(tls, n) != SSL_ERROR_ZERO_RETURN || start != end) {
                fail("the connection ended in the middle");
            }
            return;
        }
        end += (size_t) n;
        for (size_t taken; (taken = take_frame(buffer + start, end - start, file, file_bytes, raw_bytes)) > 0;) {
            start += taken;
            ++*frames;
        }
    }
}

int main(int count, char **arguments) {
    if (count != 6) {
        fail("usage: floor CERTIFICATE KEY FILE FILE_BYTES SECONDS_MAX");
    }
    uint64_t file_bytes = (uint64_t) positive_number(arguments[4], "FILE_BYTES");
    alarm((unsigned) positive_number(arguments[5], "SECONDS_MAX"));
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = server_context(arguments[1], arguments[2]);
    int file = open(arguments[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t) file_bytes) != 0) {
        fail_errno(arguments[3]);
    }
    int connection = accept(listen_on_loopback(), NULL, NULL);
    if (connection < 0) {
        fail_errno("accept");
    }
    int64_t cpu_before = cpu_micros();
    int64_t wall_before = wall_micros();
    SSL *tls = SSL_new(context);
    if (tls == NULL || SSL_set_fd(tls, connection) != 1 || SSL_accept(tls) != 1) {
        fail_tls("handshake");
    }
    int64_t frames = 0;
    int64_t raw_bytes = 0;
    receive(tls, file, file_bytes, &frames, &raw_bytes);
    if (fdatasync(file) != 0) {
        fail_errno("fdatasync");
    }
    printf("cpu_micros %lld wall_micros %lld frames %lld raw_bytes %lld\n", (long long) (cpu_micros() - cpu_before),
            (long long) (wall_micros() - wall_before), (long long) frames, (long long) raw_bytes);
    return 0;
}
