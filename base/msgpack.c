// SPDX-License-Identifier: Apache-2.0
//
// msgpack.c - read msgpack one item at a time.
//
// The first byte of an item says all about its head (msgpack's specification,
// "Formats"); wf_reader refuses what is cut short.
//
// Threads: none; everything is the caller's.

#include "base/msgpack.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

// The formats of the first bytes 0xc0 to 0xdf. `size` is that of the number
// behind the first byte: a value, a length or a count; for FIXEXT it is the
// length itself.
enum form {
    NEVER, // what the table leaves out: 0xc1
    NIL,
    FALSE_,
    TRUE_,
    BIN,
    EXT,
    FIXEXT,
    FLOAT,
    DOUBLE,
    UINT,
    INT,
    STR,
    ARRAY,
    MAP,
};

struct format {
    enum form form;
    uint8_t size;
};

static const struct format formats[32] = {
    [0x00] = {NIL, 0},    [0x02] = {FALSE_, 0}, [0x03] = {TRUE_, 0},
    [0x04] = {BIN, 1},    [0x05] = {BIN, 2},    [0x06] = {BIN, 4},
    [0x07] = {EXT, 1},    [0x08] = {EXT, 2},    [0x09] = {EXT, 4},
    [0x0a] = {FLOAT, 4},  [0x0b] = {DOUBLE, 8}, [0x0c] = {UINT, 1},
    [0x0d] = {UINT, 2},   [0x0e] = {UINT, 4},   [0x0f] = {UINT, 8},
    [0x10] = {INT, 1},    [0x11] = {INT, 2},    [0x12] = {INT, 4},
    [0x13] = {INT, 8},    [0x14] = {FIXEXT, 1}, [0x15] = {FIXEXT, 2},
    [0x16] = {FIXEXT, 4}, [0x17] = {FIXEXT, 8}, [0x18] = {FIXEXT, 16},
    [0x19] = {STR, 1},    [0x1a] = {STR, 2},    [0x1b] = {STR, 4},
    [0x1c] = {ARRAY, 2},  [0x1d] = {ARRAY, 4},  [0x1e] = {MAP, 2},
    [0x1f] = {MAP, 4},
};

static uint64_t
read_number(struct wf_reader *reader, uint8_t size)
{
    switch (size) {
    case 1:
        return wf_reader_u8(reader);
    case 2:
        return wf_reader_u16(reader);
    case 4:
        return wf_reader_u32(reader);
    case 8:
        return wf_reader_u64(reader);
    default:
        return 0;
    }
}

static struct wf_msgpack_item
make_number(uint64_t number)
{
    return (struct wf_msgpack_item){.type = WF_MSGPACK_UINT,
                                    .as.number = number};
}

// `number` is two's complement in so many bytes.
static struct wf_msgpack_item
make_signed(uint64_t number, uint8_t size)
{
    uint64_t sign = (uint64_t)1 << (8 * size - 1);

    if ((number & sign) == 0) {
        return make_number(number);
    }
    return (struct wf_msgpack_item){.type = WF_MSGPACK_INT,
                                    .as.negative =
                                        (int64_t)((number ^ sign) - sign)};
}

static struct wf_msgpack_item
make_bytes(enum wf_msgpack_type type, struct wf_reader *reader, size_t len)
{
    return (struct wf_msgpack_item){.type = type,
                                    .as.bytes = wf_reader_take(reader, len)};
}

static struct wf_msgpack_item
make_ext(struct wf_reader *reader, size_t len)
{
    int8_t ext_type = (int8_t)wf_reader_u8(reader);
    struct wf_msgpack_item item = make_bytes(WF_MSGPACK_EXT, reader, len);

    item.ext_type = ext_type;
    return item;
}

static struct wf_msgpack_item
make_count(enum wf_msgpack_type type, uint64_t count)
{
    return (struct wf_msgpack_item){.type = type, .as.count = (uint32_t)count};
}

static struct wf_msgpack_item
make_bool(bool boolean)
{
    return (struct wf_msgpack_item){.type = WF_MSGPACK_BOOL,
                                    .as.boolean = boolean};
}

static struct wf_msgpack_item
make_real(uint64_t bits, uint8_t size)
{
    struct wf_msgpack_item item = {.type = WF_MSGPACK_DOUBLE};

    if (size == 4) {
        uint32_t short_bits = (uint32_t)bits;
        float value;

        memcpy(&value, &short_bits, sizeof(value));
        item.as.real = (double)value;
    } else {
        memcpy(&item.as.real, &bits, sizeof(item.as.real));
    }
    return item;
}

// An item whose first byte is formats[0xc0 + ...].
static struct wf_msgpack_item
read_format(struct wf_reader *reader, struct format format)
{
    uint64_t number =
        format.form == FIXEXT ? 0 : read_number(reader, format.size);

    switch (format.form) {
    case NIL:
        break;
    case FALSE_:
    case TRUE_:
        return make_bool(format.form == TRUE_);
    case BIN:
        return make_bytes(WF_MSGPACK_BIN, reader, number);
    case EXT:
        return make_ext(reader, number);
    case FIXEXT:
        return make_ext(reader, format.size);
    case FLOAT:
    case DOUBLE:
        return make_real(number, format.size);
    case UINT:
        return make_number(number);
    case INT:
        return make_signed(number, format.size);
    case STR:
        return make_bytes(WF_MSGPACK_STR, reader, number);
    case ARRAY:
        return make_count(WF_MSGPACK_ARRAY, number);
    case MAP:
        return make_count(WF_MSGPACK_MAP, number);
    case NEVER:
        reader->failed = true;
        break;
    }
    return (struct wf_msgpack_item){.type = WF_MSGPACK_NIL};
}

// Short texts and small numbers, which most items are. False: it is another.
static bool
read_short(struct wf_reader *reader, struct wf_msgpack_item *out_item)
{
    size_t left = wf_reader_left(reader);
    uint8_t first = left > 0 ? *reader->at : 0xc1;
    size_t len = first & 0x1fU;

    if (first <= 0x7f) {
        out_item->type = WF_MSGPACK_UINT;
        out_item->as.number = first;
        reader->at++;
        return true;
    }
    if (first >= 0xa0 && first <= 0xbf && len < left) {
        out_item->type = WF_MSGPACK_STR;
        out_item->as.bytes = weft_bytes_of(reader->at + 1, len);
        reader->at += 1 + len;
        return true;
    }
    return false;
}

bool
wf_msgpack_read(struct wf_reader *reader, struct wf_msgpack_item *out_item)
{
    struct wf_msgpack_item item;
    uint8_t first;

    if (!reader->failed && read_short(reader, out_item)) {
        return true;
    }
    first = wf_reader_u8(reader);
    if (reader->failed) {
        return false;
    }
    if (first <= 0x8f) {
        item = make_count(WF_MSGPACK_MAP, first & 0x0fU);
    } else if (first <= 0x9f) {
        item = make_count(WF_MSGPACK_ARRAY, first & 0x0fU);
    } else if (first <= 0xbf) {
        item = make_bytes(WF_MSGPACK_STR, reader, first & 0x1fU);
    } else if (first >= 0xe0) {
        item = make_signed(first, 1);
    } else {
        item = read_format(reader, formats[first - 0xc0]);
    }
    if (reader->failed) {
        return false;
    }
    *out_item = item;
    return true;
}

// How many items directly follow a head.
static uint64_t
value_count(const struct wf_msgpack_item *item)
{
    switch (item->type) {
    case WF_MSGPACK_ARRAY:
        return item->as.count;
    case WF_MSGPACK_MAP:
        return 2 * (uint64_t)item->as.count;
    default:
        return 0;
    }
}

bool
wf_msgpack_skip_entries(struct wf_reader *reader,
                        const struct wf_msgpack_item *item)
{
    uint64_t pending = value_count(item); // at all levels together

    while (pending > 0) {
        struct wf_msgpack_item next;

        if (pending > wf_reader_left(reader)) {
            reader->failed = true; // each takes a byte at least
            return false;
        }
        if (!wf_msgpack_read(reader, &next)) {
            return false;
        }
        pending += value_count(&next);
        pending--;
    }
    return true;
}

bool
wf_msgpack_skip(struct wf_reader *reader)
{
    struct wf_msgpack_item item;

    return wf_msgpack_read(reader, &item) &&
           wf_msgpack_skip_entries(reader, &item);
}

// Arrays and maps that are begun and not at their end.
struct levels {
    uint32_t depth;
    uint64_t left[WF_MSGPACK_DEPTH_MAX]; // values still to read
    bool is_map[WF_MSGPACK_DEPTH_MAX];
};

// Is the next item a key? A map that is begun has pairs left: an even number.
static bool
is_key_next(const struct levels *levels)
{
    return levels->depth > 0 && levels->is_map[levels->depth - 1] &&
           levels->left[levels->depth - 1] % 2 == 0;
}

// What is wrong with an array or map that begins, by its head; NULL: nothing.
static const char *
check_head(const struct wf_msgpack_item *item, size_t bytes_left,
           uint32_t depth, const struct wf_msgpack_limits *limits)
{
    if (value_count(item) > bytes_left) {
        return "a count is larger than the bytes left";
    }
    if (item->as.count > limits->entries_max) {
        return "more entries than are allowed";
    }
    return depth == limits->depth_max ? "nested too deep" : NULL;
}

// Take account of an item that was read, and leave what is at its end.
static void
enter(struct levels *levels, const struct wf_msgpack_item *item)
{
    if (levels->depth > 0) {
        levels->left[levels->depth - 1]--;
    }
    if (item->type >= WF_MSGPACK_ARRAY) {
        levels->left[levels->depth] = value_count(item);
        levels->is_map[levels->depth] = item->type == WF_MSGPACK_MAP;
        levels->depth++;
    }
}

static void
leave(struct levels *levels)
{
    while (levels->depth > 0 && levels->left[levels->depth - 1] == 0) {
        levels->depth--;
    }
}

struct wf_msgpack_shape
wf_msgpack_shape_within(weft_bytes bytes,
                        const struct wf_msgpack_limits *limits)
{
    struct wf_msgpack_shape shape = {NULL, 0, 0};
    struct wf_reader reader = wf_reader_of(bytes);
    struct levels levels = {.depth = 0};
    uint32_t items = 0;

    do {
        struct wf_msgpack_item item;

        shape.at = bytes.len - wf_reader_left(&reader);
        if (!wf_msgpack_read(&reader, &item)) {
            shape.wrong = "an item is cut short or has an unknown type";
        } else if (items++ == limits->items_max) {
            shape.wrong = "more items than are allowed";
        } else if (limits->has_text_keys && is_key_next(&levels) &&
                   item.type != WF_MSGPACK_STR) {
            shape.wrong = "a key is no text";
        } else if (item.type >= WF_MSGPACK_ARRAY) {
            shape.wrong = check_head(&item, wf_reader_left(&reader),
                                     levels.depth, limits);
        }
        if (shape.wrong != NULL) {
            return shape;
        }
        enter(&levels, &item);
        shape.depth = levels.depth > shape.depth ? levels.depth : shape.depth;
        leave(&levels);
    } while (levels.depth > 0);

    shape.at = bytes.len - wf_reader_left(&reader);
    if (shape.at != bytes.len && !limits->has_rest) {
        shape.wrong = "bytes follow the value";
    }
    return shape;
}

struct wf_msgpack_shape
wf_msgpack_shape(weft_bytes bytes)
{
    static const struct wf_msgpack_limits limits = {
        .depth_max = WF_MSGPACK_DEPTH_MAX,
        .entries_max = UINT32_MAX,
        .items_max = UINT32_MAX,
    };

    return wf_msgpack_shape_within(bytes, &limits);
}

const char *
wf_msgpack_name(enum wf_msgpack_type type)
{
    static const char *const names[WF_MSGPACK_TYPE_COUNT] = {
        [WF_MSGPACK_NIL] = "nil",        [WF_MSGPACK_BOOL] = "a bool",
        [WF_MSGPACK_INT] = "an integer", [WF_MSGPACK_UINT] = "an integer",
        [WF_MSGPACK_DOUBLE] = "a float", [WF_MSGPACK_STR] = "a text",
        [WF_MSGPACK_BIN] = "a binary",   [WF_MSGPACK_EXT] = "an ext",
        [WF_MSGPACK_ARRAY] = "an array", [WF_MSGPACK_MAP] = "a map",
    };

    return names[type];
}
