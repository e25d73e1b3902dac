/* The part of early.h that is the same everywhere. */
#include "early.h"

static size_t length_of(const char* text) {
  size_t length = 0;
  while (text[length]) ++length;
  return length;
}

void print(const char* text) { early_write(1, text, length_of(text)); }

/* Digits of a number, last first; answers where they begin. */
static char* digits_of(long number, char* end) {
  unsigned long rest = number < 0 ? 0ul - (unsigned long)number : (unsigned long)number;
  *--end = 0;
  do {
    *--end = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest);
  if (number < 0) *--end = '-';
  return end;
}

void print_number(long number) {
  char text[24];
  print(digits_of(number, text + sizeof text));
}

/* One write, so that lines of several programs do not mix. */
void print_line(const char* before, long number, const char* after) {
  char line[160], text[24];
  const char* parts[] = {before, digits_of(number, text + sizeof text), after, "\n"};
  size_t at = 0;
  for (size_t part = 0; part < sizeof parts / sizeof *parts; ++part)
    for (const char* c = parts[part]; *c && at < sizeof line; ++c) line[at++] = *c;
  early_write(1, line, at);
}

long number_of(const char* text) {
  long number = 0;
  while (*text >= '0' && *text <= '9') number = number * 10 + (*text++ - '0');
  return number;
}

int same_text(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}
