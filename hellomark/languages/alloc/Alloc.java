import java.util.ArrayList;

public class Alloc {
    final byte[] bytes = new byte[10000];
    Alloc other;

    public static void main(String[] args) {
        String pattern = args[0];
        int blocks = Integer.parseInt(args[1]);
        Alloc[] ring = new Alloc[1000];
        ArrayList<Alloc> all = new ArrayList<>();
        for (int i = 0; i < blocks; i++) {
            Alloc block = new Alloc();
            switch (pattern) {
                case "ring": ring[i % 1000] = block; break;
                case "take": all.add(block); break;
                case "cycle":
                    block.other = new Alloc();
                    block.other.other = block;
                    ring[i++ % 1000] = block;
                    break;
                default: ring[0] = block;
            }
        }
    }
}
