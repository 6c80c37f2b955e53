program hello;
var
  source: text;
  line: string;
begin
  assign(source, 'hello.txt');
  reset(source);
  while not eof(source) do
  begin
    readln(source, line);
    writeln(line);
  end;
end.
