#include "endpoint.h"

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool hex(uint8_t c)
{
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ENDPOINT-4. */
static bool wildcard(const uint8_t *host, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (host[i] != '0' && host[i] != '.' && host[i] != ':')
            return false;
    return true;
}

static bool port_valid(const uint8_t *text, size_t len)
{
    if (len < 1 || len > 5 || text[0] == '0')
        return false;
    unsigned port = 0;
    for (size_t i = 0; i < len; i++) {
        if (!digit(text[i]))
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= 65535;
}

/* Of an address in brackets no more is checked (ENDPOINT-2). */
static bool ipv6_valid(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!hex(s[i]) && s[i] != ':' && s[i] != '.')
            return false;
    return len > 0;
}

/* ENDPOINT-5: 32 bytes in base64url; the last of 43 digits has two zeros. */
static bool key_valid(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!letter(s[i]) && !digit(s[i]) && s[i] != '-' && s[i] != '_')
            return false;
    return len == 43 && strchr("AEIMQUYcgkosw048", s[42]) != NULL;
}

static bool tcp_valid(const uint8_t *s, size_t len)
{
    size_t host;
    if (len && s[0] == '[') {
        for (host = 1; host < len && s[host] != ']'; host++)
            ;
        if (host == len || !ipv6_valid(s + 1, host - 1) || wildcard(s + 1, host - 1))
            return false;
        host++;
    } else {
        for (host = 0; host < len && s[host] != ':'; host++)
            if (!letter(s[host]) && !digit(s[host]) && s[host] != '.' && s[host] != '-')
                return false;
        if (host == 0 || wildcard(s, host))
            return false;
    }
    if (host == len || s[host] != ':')
        return false;
    size_t port = host + 1, key = port;
    while (key < len && s[key] != '#')
        key++;
    return port_valid(s + port, key - port) && (key == len || key_valid(s + key + 1, len - key - 1));
}

static bool path_valid(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] < 0x21 || s[i] > 0x7e || s[i] == '*')
            return false;
    return len > 0;
}

bool endpoint_valid(const uint8_t *text, size_t len)
{
    if (len > LIMIT_ENDPOINT || len < 6)
        return false;
    if (memcmp(text, "tcp://", 6) == 0)
        return tcp_valid(text + 6, len - 6);
    if (memcmp(text, "ipc://", 6) == 0)
        return path_valid(text + 6, len - 6);
    return false;
}

bool endpoint_encrypted(const char *text)
{
    return strncmp(text, "tcp://", 6) == 0 && strchr(text, '#') != NULL;
}
