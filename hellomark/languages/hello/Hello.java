import java.io.FileInputStream;

public class Hello {
    public static void main(String[] args) throws Exception {
        byte[] buffer = new byte[102400];
        try (FileInputStream file = new FileInputStream("hello.txt")) {
            System.out.write(buffer, 0, file.read(buffer));
        }
        System.out.flush();
    }
}
