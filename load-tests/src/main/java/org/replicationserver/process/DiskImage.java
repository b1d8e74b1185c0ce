package org.replicationserver.process;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.replicationserver.receiver.config.ByteSize;

/**
 * The disk that is synced: an ext4 file system full of real files of this machine, made once and kept. Where that cannot be made, a
 * mix of text-like and random blocks, the same at every time.
 */
public record DiskImage(Path path, String description) {
    private static final Duration MKE2FS_TIMEOUT = Duration.ofMinutes(5);
    private static final int SYNTHETIC_BLOCK_BYTES = 256 * 1024;
    /** Sizes are multiples of it. */
    public static final int BLOCK_BYTES = 4096;

    /** mke2fs makes one inode for so many bytes. */
    private static final int BYTES_PER_INODE = 16 * 1024;

    private static final List<Path> ROOTS = List.of(
            Path.of("/usr/lib"), Path.of("/usr/bin"), Path.of("/usr/share"), Path.of("/usr/local"), Path.of("/opt"));

    /** Shares of the roots in a first pass, in hundredths; the second pass takes what there is. */
    private static final int[] SHARES = {50, 20, 20, 5, 5};

    /** How much of the image is files. */
    public enum Fill {
        /** As much as goes in. */
        FULL(0.97),

        /** Some room stays for files that are added later. */
        WITH_ROOM(0.85);

        private final double share;

        Fill(double share) {
            this.share = share;
        }
    }

    /** So much less is tried, one after the other: a tree with many small files takes more room than its files. */
    private static final double[] LESS = {0, 0.04, 0.12};

    /** The full image of this size in the cache directory; made there if it is missing. */
    public static DiskImage cached(Path cache, long bytes, PrintWriter out) throws RunException, InterruptedException {
        try {
            Files.createDirectories(cache);
            for (Kind kind : Kind.values()) {
                Path path = cache.resolve(kind.fileName(bytes));
                if (Files.isRegularFile(path) && Files.size(path) == bytes) {
                    return new DiskImage(path, kind.description);
                }
            }
            out.println("making an image of " + ByteSize.format(bytes) + " once, in " + cache);
            out.flush();
            return make(cache, bytes, Fill.FULL, out);
        } catch (IOException e) {
            throw new RunException("cannot make the image in " + cache + ": " + e.getMessage(), e);
        }
    }

    private enum Kind {
        EXT4("ext4 of this machine's files"),
        SYNTHETIC("synthetic mix");

        private final String description;

        Kind(String description) {
            this.description = description;
        }

        String fileName(long bytes) {
            return "disk-" + ByteSize.format(bytes) + "-" + name().toLowerCase(Locale.ROOT) + ".img";
        }
    }

    /** Makes an image in a directory. */
    public static DiskImage make(Path directory, long bytes, Fill fill, PrintWriter out)
            throws IOException, InterruptedException {
        Path draft = Files.createTempDirectory(directory, "making-");
        try {
            Path image = draft.resolve("image");
            Kind kind = Kind.EXT4;
            if (!makeExt4(draft, image, bytes, fill, out)) {
                kind = Kind.SYNTHETIC;
                makeSynthetic(image, bytes);
            }
            Path path = directory.resolve(kind.fileName(bytes));
            Files.move(image, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return new DiskImage(path, kind.description);
        } finally {
            Cleanup.deleteTree(draft);
        }
    }

    // --- a real file system

    private static boolean makeExt4(Path draft, Path image, long bytes, Fill fill, PrintWriter out)
            throws IOException, InterruptedException {
        String why = "";
        for (double less : LESS) {
            Path tree = Files.createDirectory(draft.resolve("tree"));
            try {
                copyFiles(tree, (long) (bytes * (fill.share - less)), (int) (bytes * 9 / 10 / BYTES_PER_INODE));
                Files.deleteIfExists(image);
                try (FileChannel file =
                        FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    file.write(ByteBuffer.allocate(1), bytes - 1);
                }
                List<String> command =
                        new ArrayList<>(List.of(Children.tool("mke2fs"), "-q", "-F", "-t", "ext4", "-m", "0", "-d"));
                Collections.addAll(command, tree.toString(), image.toString());
                Children.Result result = Children.run(MKE2FS_TIMEOUT, draft.resolve("mke2fs.log"), command);
                if (result.ok()) {
                    return true;
                }
                why = result.firstError();
            } catch (IOException e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                why = String.valueOf(e.getMessage());
                break;
            } finally {
                Cleanup.deleteTree(tree);
            }
        }
        out.println("no ext4 image (" + why + "); a synthetic mix is used instead");
        Files.deleteIfExists(image);
        return false;
    }

    /** Copies files until the tree is full, first from each root by its share, so that programs, libraries and texts are there. */
    private static void copyFiles(Path tree, long bytesMax, int filesMax) throws IOException, InterruptedException {
        Filler filler = new Filler(tree, filesMax);
        for (int i = 0; i < ROOTS.size(); i++) {
            filler.copy(ROOTS.get(i), filler.bytes + bytesMax * SHARES[i] / 100);
        }
        for (Path root : ROOTS) {
            filler.copy(root, bytesMax);
        }
    }

    /** Copies regular files of a root that are not there yet, in the order in which they are found. */
    private static final class Filler extends SimpleFileVisitor<Path> {
        private final Path tree;
        private final int filesMax;
        private long bytes;
        private long bytesMax;
        private int files;

        Filler(Path tree, int filesMax) {
            this.tree = tree;
            this.filesMax = filesMax;
        }

        void copy(Path root, long newBytesMax) throws IOException, InterruptedException {
            bytesMax = newBytesMax;
            if (Files.isDirectory(root)) {
                Files.walkFileTree(root, this);
            }
            if (Thread.interrupted()) {
                throw new InterruptedException("told to stop");
            }
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            if (bytes >= bytesMax - BLOCK_BYTES
                    || files >= filesMax
                    || Thread.currentThread().isInterrupted()) {
                return FileVisitResult.TERMINATE;
            }
            // The directory entry, and for an empty directory its block, count as one block more.
            long blocks = (attributes.size() + BLOCK_BYTES - 1) / BLOCK_BYTES + 1;
            Path copy = tree.resolve(Path.of("/").relativize(file));
            if (attributes.isRegularFile()
                    && Files.isReadable(file)
                    && bytes + blocks * BLOCK_BYTES <= bytesMax
                    && Files.notExists(copy)) {
                Files.createDirectories(
                        tree.resolve(Path.of("/").relativize(file)).getParent());
                Files.copy(file, copy);
                bytes += blocks * BLOCK_BYTES;
                files++;
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException failure) {
            return FileVisitResult.CONTINUE;
        }
    }

    // --- without mke2fs

    /** A block in 16 is zero, 5 are random bytes, 10 are words out of 256, which LZ4 makes about a third. */
    private static void makeSynthetic(Path image, long bytes) throws IOException {
        Random random = new Random(1500);
        byte[][] words = new byte[256][];
        for (int i = 0; i < words.length; i++) {
            words[i] = new byte[4 + random.nextInt(12)];
            random.nextBytes(words[i]);
        }
        try (FileChannel file = FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            byte[] block = new byte[SYNTHETIC_BLOCK_BYTES];
            for (long at = 0; at < bytes; at += block.length) {
                int kind = random.nextInt(16);
                if (kind == 0) {
                    Arrays.fill(block, (byte) 0);
                } else if (kind <= 5) {
                    random.nextBytes(block);
                } else {
                    fillWithWords(block, words, random);
                }
                ByteBuffer out = ByteBuffer.wrap(block, 0, (int) Math.min(block.length, bytes - at));
                while (out.hasRemaining()) {
                    file.write(out, at + out.position());
                }
            }
        }
    }

    private static void fillWithWords(byte[] block, byte[][] words, Random random) {
        for (int at = 0; at < block.length; ) {
            byte[] word = words[random.nextInt(words.length)];
            int n = Math.min(word.length, block.length - at);
            System.arraycopy(word, 0, block, at, n);
            at += n;
        }
    }
}
