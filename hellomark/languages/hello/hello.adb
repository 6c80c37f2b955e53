with Ada.Text_IO; use Ada.Text_IO;

procedure Hello is
   File : File_Type;
begin
   Open (File, In_File, "hello.txt");
   while not End_Of_File (File) loop
      Put_Line (Get_Line (File));
   end loop;
   Close (File);
end Hello;
