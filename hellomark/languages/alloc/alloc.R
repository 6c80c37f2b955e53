arguments <- commandArgs(trailingOnly = TRUE)
pattern <- arguments[1]
blocks <- as.integer(arguments[2])
ring <- vector("list", 1000)
all <- new.env()
i <- 0L
while (i < blocks) {
  block <- new.env(hash = FALSE)
  block$bytes <- raw(10000)
  if (pattern == "ring") ring[[i %% 1000L + 1L]] <- block
  else if (pattern == "take") { block$other <- all; all <- block }
  else if (pattern == "cycle") {
    block$other <- new.env(hash = FALSE)
    block$other$bytes <- raw(10000)
    block$other$other <- block
    ring[[i %% 1000L + 1L]] <- block
    i <- i + 1L
  }
  i <- i + 1L
}
