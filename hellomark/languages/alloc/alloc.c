/* drop: each block is freed at once. ring: the last 1,000 live. take: none is freed. */
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 10000, RING = 1000 };

int main(int argc, char **argv) {
  static char *ring[RING];
  const char pattern = argc > 2 ? argv[1][0] : 0;
  const long blocks = argc > 2 ? atol(argv[2]) : 0;
  for (long i = 0; i < blocks; ++i) {
    char *block = malloc(BLOCK);
    if (block == NULL) return 1;
    memset(block, (int)i, BLOCK);
    if (pattern == 'r') {
      free(ring[i % RING]);
      ring[i % RING] = block;
    } else if (pattern == 'd') {
      __asm__ volatile("" : : "r"(block) : "memory");
      free(block);
    }
  }
  return 0;
}
