#include <fcntl.h>
#include <unistd.h>

int main(void) {
  char buffer[102400];
  int file = open("hello.txt", O_RDONLY);
  ssize_t got = read(file, buffer, sizeof buffer);
  return got < 0 || write(1, buffer, (size_t)got) != got;
}
