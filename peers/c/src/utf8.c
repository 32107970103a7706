#include "utf8.h"

bool utf8_valid(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint8_t lead = s[i++];
        unsigned more;
        uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
        if (lead < 0x80)
            continue;
        if (lead >= 0xc2 && lead <= 0xdf)
            more = 1;
        else if (lead >= 0xe0 && lead <= 0xef)
            more = 2;
        else if (lead >= 0xf0 && lead <= 0xf4)
            more = 3;
        else
            return false;
        if (lead == 0xe0)
            low = 0xa0;
        if (lead == 0xed)
            high = 0x9f;
        if (lead == 0xf0)
            low = 0x90;
        if (lead == 0xf4)
            high = 0x8f;
        for (; more; more--, i++) {
            if (i >= len || s[i] < low || s[i] > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}
