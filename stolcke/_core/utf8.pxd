"""The well-formed characters of several bytes in UTF-8 (RFC 3629), as ranges of bytes."""

from libc.stdint cimport uint8_t, uint32_t


cdef extern from *:
    """
    #ifndef STOLCKE_UTF8
    #define STOLCKE_UTF8
    #include <stdint.h>
    /* The range of the lead, then those of the continuations; zeros end each row. */
    static const uint8_t UTF8[8][10] = {
        {0xC2, 0xDF, 0x80, 0xBF},
        {0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
        {0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
        {0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
        {0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
    };
    /* Where in a character such a lead leaves the text, as utf8_step of trie.pyx counts. */
    static const uint32_t AFTER_LEAD[8] = {1, 4, 2, 5, 2, 6, 3, 7};
    #endif
    """
    const uint8_t[8][10] UTF8
    const uint32_t[8] AFTER_LEAD


cdef inline uint8_t utf8_row(uint32_t byte) noexcept nogil:
    """The row of UTF8 of the characters that a byte begins, as a bit; 0 where it begins none."""
    cdef uint32_t i
    for i in range(8):
        if UTF8[i][0] <= byte <= UTF8[i][1]:
            return <uint8_t>(1 << i)
    return 0


cdef inline uint32_t utf8_rest(uint32_t utf8) noexcept nogil:
    """Where in a character the next continuation leaves the text: after a narrowed one an ordinary one is due."""
    return 2 if utf8 == 3 or utf8 >= 6 else 1
