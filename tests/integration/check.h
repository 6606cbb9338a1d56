/* check.h - what all integration tests share: memory that does not fail, deadlines, and the
 * header through which cmocka is included.
 * Every wait of a test ends: at its condition, or at a deadline, which fails the test. Deadlines
 * are multiplied by the environment's TEST_SLOWNESS (1), for valgrind and slow machines. */
#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#define CHECK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CHECK_LEN(a)            (sizeof(a) / sizeof((a)[0]))

/* How long a test waits for something that should come at once. */
enum { CHECK_SOON_MS = 10000 };

/* `size` zeroed bytes; ends the process when memory is out. Free with free(). */
void *check_alloc(size_t size);
/* `ptr` with room for `size` bytes; ends the process when memory is out. */
void *check_resize(void *ptr, size_t size);
/* A copy of `n` bytes of `text`, with a NUL behind. Free with free(). */
char *check_copy(const char *text, size_t n);
/* Formatted text. Free with free(). */
char *check_printf(const char *fmt, ...) CHECK_PRINTF(1, 2);
char *check_vprintf(const char *fmt, va_list args) CHECK_PRINTF(1, 0);

/* Milliseconds that never run backwards. */
uint64_t check_now_ms(void);
/* The time `ms` (times the slowness) from now. */
uint64_t check_deadline(unsigned ms);
/* Milliseconds left until `deadline`, 0 when it has passed; for poll(). */
int check_left(uint64_t deadline);
/* `ms` times the slowness. */
unsigned check_slowed(unsigned ms);
/* The number in the environment's variable `name`, `otherwise` where there is none. */
uint64_t check_env(const char *name, uint64_t otherwise);
/* Reads a whole file; NULL where there is none. Free with free(). */
char *check_read_file(const char *path);
/* Writes a whole file; fails the test where that is not possible. */
void check_write_file(const char *path, const char *text);

/* A socket that is connected to a port on loopback; -1 with errno where that is not possible. */
int check_dial(unsigned port);

/* Fails the test unless the strings are the same; either may be NULL. */
#define check_text(actual, expected) check_text_at(actual, expected, __FILE__, __LINE__)
void check_text_at(const char *actual, const char *expected, const char *file, int line);
/* Fails the test unless `text` holds `part` (or does not hold it). */
#define check_holds(text, part) check_holds_at(text, part, true, __FILE__, __LINE__)
#define check_lacks(text, part) check_holds_at(text, part, false, __FILE__, __LINE__)
void check_holds_at(const char *text, const char *part, bool wanted, const char *file, int line);

#endif
