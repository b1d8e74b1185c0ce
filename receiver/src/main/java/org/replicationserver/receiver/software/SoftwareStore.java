package org.replicationserver.receiver.software;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.IoReason;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.software.SoftwareException.Kind;
import org.replicationserver.volume.StateDirectory;

/**
 * The software that is installed, and what of it was trusted last. Open for one process at a time, to change it; one thread.
 *
 * <pre>
 * lock                            held while the store is open
 * trusted.json                    what is trusted and installed: the only truth
 * current/NAME                    link to ../versions/NAME/VERSION
 * versions/NAME/VERSION/NAME      the file, which its owner may read and execute
 * incoming/NAME/                  what is being fetched, or was when something came in between
 * </pre>
 *
 * <p>An installation is made by the one rename of {@code trusted.json}. What a crash leaves before it is removed by the next open, what it
 * leaves undone after it is done by that; only the bytes of an object that is not whole are kept, to be carried on with.
 *
 * <p>The directory is for the server's user alone. Nothing that is less than whole, checked and trusted is ever below {@code current}.
 */
public final class SoftwareStore implements AutoCloseable {
    /** Names under which software is installed, beyond which no new one is taken. */
    static final int NAMES_MAX = 32;

    /** Bytes of an object that nobody has carried on with for so long are given up. */
    static final Duration INCOMING_AGE_MAX = Duration.ofDays(7);

    private static final String TRUSTED = "trusted";
    private static final String TRUSTED_FILE = TRUSTED + ".json";
    private static final String PLACED = "placed";

    private final Path directory;
    private final StateDirectory state;
    private final Map<String, TrustedName> trusted;

    private SoftwareStore(Path directory, StateDirectory state, Map<String, TrustedName> trusted) {
        this.directory = directory;
        this.state = state;
        this.trusted = trusted;
    }

    /**
     * Opens the store, making it if there is none, and mends what a crash has left.
     *
     * @throws SoftwareException also when it is open elsewhere
     */
    static SoftwareStore open(Path directory) throws SoftwareException {
        return open(directory, Instant.now());
    }

    static SoftwareStore open(Path directory, Instant now) throws SoftwareException {
        StateDirectory state;
        try {
            // A failure is told to whoever stores.
            state = StateDirectory.open(directory, cause -> {});
        } catch (StateDirectory.InUseException e) {
            throw new SoftwareException(
                    Kind.STORE_IN_USE,
                    "software.directory=" + directory + " is being changed by another command or by the server",
                    "Wait until that is done; status tells how far a server's own fetch is.",
                    e);
        } catch (IOException e) {
            throw disk(directory, e);
        }
        boolean isOpen = false;
        try {
            SoftwareStore store = new SoftwareStore(directory, state, new TreeMap<>(read(directory)));
            store.mend(now);
            isOpen = true;
            return store;
        } catch (IOException e) {
            throw disk(directory, e);
        } finally {
            if (!isOpen) {
                closeQuietly(state);
            }
        }
    }

    /**
     * Mends what a crash has left.
     *
     * @return whether anything is installed
     */
    static boolean mend(Path directory) throws SoftwareException {
        try (SoftwareStore store = open(directory)) {
            return !store.trusted.isEmpty();
        }
    }

    /**
     * Refuses root in the store of another user, whom the files that root makes would keep out.
     *
     * @throws SoftwareException also when it cannot be looked at
     */
    public static void requireOwn(Path directory) throws SoftwareException {
        try {
            String owner = Files.getOwner(directory).getName();
            if ("root".equals(System.getProperty("user.name")) && !owner.equals("root")) {
                throw new SoftwareException(
                        Kind.DISK,
                        "software.directory=" + directory + " belongs to the user " + owner
                                + ", who could not read what root makes there",
                        "Run this as " + owner + ".");
            }
        } catch (NoSuchFileException e) {
            // It is made by whoever comes first.
        } catch (IOException e) {
            throw disk(directory, e);
        }
    }

    private static void closeQuietly(StateDirectory state) {
        try {
            state.close();
        } catch (IOException e) {
            // What is thrown already says more.
        }
    }

    /**
     * What is trusted and installed, by name; for whoever only looks. Empty where there is no store.
     *
     * @throws SoftwareException when it cannot be read
     */
    public static Map<String, TrustedName> read(Path directory) throws SoftwareException {
        Path file = directory.resolve(TRUSTED_FILE);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(StateDirectory.RECORD_BYTES_MAX + 1);
            if (bytes.length > StateDirectory.RECORD_BYTES_MAX) {
                throw new IllegalArgumentException("more bytes than were ever stored");
            }
            JsonObject json = new JsonObject(new String(bytes, StandardCharsets.UTF_8));
            Map<String, TrustedName> names = new TreeMap<>();
            for (String name : json.fieldNames()) {
                if (!FetchRequest.isName(name)) {
                    throw new IllegalArgumentException("name=" + name);
                }
                names.put(name, TrustedName.read(json.getJsonObject(name)));
            }
            return Collections.unmodifiableMap(names);
        } catch (NoSuchFileException e) {
            return Map.of();
        } catch (IOException e) {
            throw disk(directory, e);
        } catch (RuntimeException e) {
            String fault = switch (e) {
                case DecodeException _ -> "no JSON";
                case IllegalArgumentException wrong -> String.valueOf(wrong.getMessage());
                default -> "something is missing, or of another type";
            };
            throw new SoftwareException(
                    Kind.STORE_DAMAGED,
                    file + " is damaged (" + fault + "), without which older software cannot be told from newer",
                    "Put the file back from a copy; or remove all of software.directory, which forgets what was trusted, and fetch"
                            + " anew.",
                    e);
        }
    }

    static SoftwareException disk(Path path, IOException e) {
        return new SoftwareException(
                Kind.DISK,
                "software.directory cannot be used: " + path + ": " + IoReason.of(e, path.toString()),
                "Let the server's user write there, run commands as that user, and see that the disk has space and works.",
                e);
    }

    /** What is trusted of a name, or null if nothing is. */
    @Nullable
    TrustedName trusted(String name) {
        return trusted.get(name);
    }

    /** Refuses a name for which there is no room. */
    void requireRoom(String name) throws SoftwareException {
        if (!trusted.containsKey(name) && trusted.size() >= NAMES_MAX) {
            throw new SoftwareException(
                    Kind.BAD_REQUEST,
                    "name=" + name + " would be one more than the " + NAMES_MAX
                            + " names that software is installed under",
                    "Use one of the names that list prints.");
        }
    }

    /** The directory of what is being fetched for a name; made if there is none. */
    Path incoming(String name) throws IOException {
        Path all = directory.resolve("incoming");
        DurableFiles.makeDirectory(all);
        Path incoming = all.resolve(name);
        DurableFiles.makeDirectory(incoming);
        return incoming;
    }

    /** Free bytes where the store is. */
    long freeBytes() throws IOException {
        return Files.getFileStore(directory).getUsableSpace();
    }

    /**
     * Installs a file that was fetched: it is moved to where it stays, read again from there, and only then trusted and used.
     *
     * @param file in the directory of {@link #incoming}; on stable storage
     */
    InstalledVersion install(FetchRequest request, String sha512, boolean signed, Path file, FetchListener listener)
            throws SoftwareException {
        try {
            return installed(request, sha512, signed, file, listener);
        } catch (IOException e) {
            throw disk(directory, e);
        }
    }

    private InstalledVersion installed(
            FetchRequest request, String sha512, boolean signed, Path file, FetchListener listener)
            throws SoftwareException, IOException {
        String name = request.name();
        Path placed = incoming(name).resolve(PLACED);
        DurableFiles.makeDirectory(placed);
        Path placedFile = placed.resolve(name);
        DurableFiles.move(file, placedFile);
        // Not before: what is still being fetched must be open to writes.
        Files.setPosixFilePermissions(placedFile, PosixFilePermissions.fromString("r-x------"));
        listener.step(FetchStep.PLACED);

        FileStamp stamp = FileStamp.of(placedFile);
        String found = sha512Of(placedFile);
        requireUnchanged(request, stamp, placedFile);
        if (!Sha512.isSame(found, sha512)) {
            throw changed(request);
        }
        listener.step(FetchStep.VERIFIED);

        Path versions = directory.resolve("versions");
        DurableFiles.makeDirectory(versions);
        DurableFiles.makeDirectory(versions.resolve(name));
        String version = freeDirectory(versions.resolve(name), request, sha512);
        Path target = versions.resolve(name).resolve(version);
        DurableFiles.move(placed, target);
        requireUnchanged(request, stamp, target.resolve(name));
        listener.step(FetchStep.INSTALLED);

        InstalledVersion installed = new InstalledVersion(
                version,
                request.version(),
                sha512,
                Files.size(target.resolve(name)),
                request.object().toString(),
                signed,
                Instant.now());
        TrustedName before = trusted.get(name);
        trust(name, before == null ? TrustedName.first(installed) : before.with(installed));
        listener.step(FetchStep.TRUSTED);
        makeCurrent(name);
        listener.step(FetchStep.CURRENT);
        removeUntrusted();
        DurableFiles.delete(incoming(name));
        listener.step(FetchStep.DONE);
        return installed;
    }

    private static void requireUnchanged(FetchRequest request, FileStamp stamp, Path file)
            throws SoftwareException, IOException {
        if (!FileStamp.of(file).equals(stamp)) {
            throw changed(request);
        }
    }

    private static SoftwareException changed(FetchRequest request) {
        return new SoftwareException(
                Kind.CHANGED_ON_DISK,
                "the file of " + request.words() + " was changed on the disk between its check and its installation",
                "Find out what else writes to software.directory, or whether its disk fails; then fetch again.");
    }

    /** Named for its version, or for its content where it has none; what is there already stays as it is. */
    private static String freeDirectory(Path versions, FetchRequest request, String sha512) {
        SoftwareVersion version = request.version();
        String wanted = version == null ? "sha512-" + sha512.substring(0, 16) : version.toString();
        String free = wanted;
        for (int i = 2; Files.exists(versions.resolve(free), LinkOption.NOFOLLOW_LINKS); i++) {
            free = wanted + "~" + i;
        }
        return free;
    }

    /**
     * Goes back to the version before the current one.
     *
     * @return what is current now
     * @throws SoftwareException also where there is none, or where its file is not what was installed
     */
    public static InstalledVersion rollback(Path directory, String name) throws SoftwareException {
        require(read(directory), name);
        try (SoftwareStore store = open(directory)) {
            return store.rollback(name);
        }
    }

    InstalledVersion rollback(String name) throws SoftwareException {
        TrustedName after = require(trusted, name).rolledBack(name, Instant.now());
        requireWhole(name, after.currentVersion());
        try {
            trust(name, after);
            makeCurrent(name);
            return after.currentVersion();
        } catch (IOException e) {
            throw disk(directory, e);
        }
    }

    /** What is trusted of a name, which must be there. */
    public static TrustedName require(Map<String, TrustedName> names, String name) throws SoftwareException {
        TrustedName trusted = names.get(name);
        if (trusted == null) {
            throw new SoftwareException(
                    Kind.NOT_INSTALLED,
                    "nothing is installed as " + PeerText.value(name) + "; installed: "
                            + (names.isEmpty() ? "nothing" : String.join(", ", names.keySet())),
                    "Use one of the names that list prints.");
        }
        return trusted;
    }

    private void requireWhole(String name, InstalledVersion version) throws SoftwareException {
        String fault = faultOf(directory, name, version);
        if (fault != null) {
            throw new SoftwareException(
                    Kind.CHANGED_ON_DISK,
                    name + " " + version.words() + " is not what was installed: " + fault,
                    "Fetch another version; then look at the disk.");
        }
    }

    /** What is wrong with the file of a version, or null if it is what was installed. */
    public static @Nullable String faultOf(Path directory, String name, InstalledVersion version) {
        Path file = fileOf(directory, name, version);
        try {
            String found = sha512Of(file);
            return found.equals(version.sha512())
                    ? null
                    : "sha512=" + found.substring(0, 16) + "... and not "
                            + version.sha512().substring(0, 16) + "...";
        } catch (IOException e) {
            return IoReason.of(e, file.toString());
        }
    }

    /** What is wrong with the link to the current version, or null if it leads there. */
    public static @Nullable String linkFaultOf(Path directory, String name, TrustedName trusted) {
        Path link = linkOf(directory, name);
        Path target = targetOf(name, trusted.currentVersion());
        try {
            if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
                return link + " is missing";
            }
            if (!Files.isSymbolicLink(link)) {
                return link + " is no link";
            }
            Path found = Files.readSymbolicLink(link);
            return found.equals(target) ? null : link + " leads to " + PeerText.value(found) + " and not to " + target;
        } catch (IOException e) {
            return link + ": " + IoReason.of(e, link.toString());
        }
    }

    private static Path linkOf(Path directory, String name) {
        return directory.resolve("current").resolve(name);
    }

    private static Path targetOf(String name, InstalledVersion version) {
        return Path.of("..", "versions", name, version.directory());
    }

    /** Where the file of a version is. */
    public static Path fileOf(Path directory, String name, InstalledVersion version) {
        return directory
                .resolve("versions")
                .resolve(name)
                .resolve(version.directory())
                .resolve(name);
    }

    private static String sha512Of(Path file) throws IOException {
        MessageDigest digest = Sha512.newDigest();
        try (FileChannel channel = FileChannel.open(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
            Sha512.update(digest, channel, 0, Long.MAX_VALUE);
        }
        return Sha512.hex(digest);
    }

    // --- what is trusted

    private void trust(String name, TrustedName content) throws IOException {
        Map<String, TrustedName> all = new TreeMap<>(trusted);
        all.put(name, content);
        JsonObject json = new JsonObject();
        all.forEach((one, its) -> json.put(one, its.toJson()));
        try {
            state.store(TRUSTED, json.encodePrettily().getBytes(StandardCharsets.UTF_8))
                    .toCompletableFuture()
                    .join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        }
        trusted.put(name, content);
    }

    private void makeCurrent(String name) throws IOException {
        TrustedName content = trusted.get(name);
        if (content == null) {
            throw new IllegalStateException("not trusted: " + name);
        }
        if (linkFaultOf(directory, name, content) != null) {
            Path link = linkOf(directory, name);
            DurableFiles.makeDirectory(directory.resolve("current"));
            DurableFiles.link(link, targetOf(name, content.currentVersion()));
        }
    }

    // --- what a crash has left

    private void mend(Instant now) throws IOException {
        for (String name : trusted.keySet()) {
            makeCurrent(name);
        }
        for (Path link : content(directory.resolve("current"))) {
            if (!trusted.containsKey(nameOf(link))) {
                DurableFiles.delete(link);
            }
        }
        removeUntrusted();
        for (Path incoming : content(directory.resolve("incoming"))) {
            boolean isBegun = Files.isRegularFile(incoming.resolve(Download.FILE), LinkOption.NOFOLLOW_LINKS);
            DurableFiles.delete(isBegun && !isOld(incoming, now) ? incoming.resolve(PLACED) : incoming);
        }
    }

    private static boolean isOld(Path incoming, Instant now) throws IOException {
        Instant newest = Files.getLastModifiedTime(incoming).toInstant();
        for (Path file : content(incoming)) {
            Instant changed = Files.getLastModifiedTime(file).toInstant();
            newest = changed.isAfter(newest) ? changed : newest;
        }
        return newest.plus(INCOMING_AGE_MAX).isBefore(now);
    }

    private void removeUntrusted() throws IOException {
        for (Path ofName : content(directory.resolve("versions"))) {
            TrustedName content = trusted.get(nameOf(ofName));
            Set<String> kept = content == null
                    ? new HashSet<>()
                    : content.versions().stream()
                            .map(InstalledVersion::directory)
                            .collect(Collectors.toSet());
            for (Path version : content(ofName)) {
                if (!kept.contains(nameOf(version))) {
                    DurableFiles.delete(version);
                }
            }
            if (kept.isEmpty()) {
                DurableFiles.delete(ofName);
            }
        }
    }

    private static List<Path> content(Path directory) throws IOException {
        List<Path> content = new ArrayList<>();
        if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(directory)) {
                found.forEach(content::add);
            }
        }
        return content;
    }

    private static String nameOf(Path path) {
        return String.valueOf(path.getFileName());
    }

    @Override
    public void close() throws SoftwareException {
        try {
            state.close();
        } catch (IOException e) {
            throw disk(directory, e);
        }
    }
}
