import Control.Monad (forM_, when)
import Data.IORef
import Foreign.ForeignPtr
import Foreign.Marshal.Utils (fillBytes)
import Data.Word (Word8)
import System.Environment (getArgs)
import Data.Array.IO

data Block = Block (ForeignPtr Word8) (IORef (Maybe Block))

fresh :: IO Block
fresh = do
  bytes <- mallocForeignPtrBytes 10000
  withForeignPtr bytes (\start -> fillBytes start 1 10000)
  Block bytes <$> newIORef Nothing

main :: IO ()
main = do
  [pattern, count] <- getArgs
  let blocks = read count :: Int
  ring <- newArray (0, 999) Nothing :: IO (IOArray Int (Maybe Block))
  everything <- newIORef []
  let step = if pattern == "cycle" then 2 else 1
  forM_ [0, step .. blocks - 1] $ \i -> do
    block@(Block _ other) <- fresh
    when (pattern == "ring") $ writeArray ring (i `mod` 1000) (Just block)
    when (pattern == "take") $ modifyIORef' everything (block :)
    when (pattern == "cycle") $ do
      second@(Block _ back) <- fresh
      writeIORef other (Just second)
      writeIORef back (Just block)
      writeArray ring (i `mod` 1000) (Just block)
  -- What was taken is still wanted at the end.
  readIORef everything >>= \blocksLeft -> when (length blocksLeft < 0) (print "never")
