import qualified System.IO as IO

main :: IO ()
main = IO.readFile "hello.txt" >>= IO.putStr
