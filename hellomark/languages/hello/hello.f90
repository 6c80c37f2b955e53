program hello
  implicit none
  character(len=1024) :: line
  integer :: status
  open (unit=10, file='hello.txt', status='old')
  do
    read (10, '(a)', iostat=status) line
    if (status /= 0) exit
    print '(a)', trim(line)
  end do
end program hello
