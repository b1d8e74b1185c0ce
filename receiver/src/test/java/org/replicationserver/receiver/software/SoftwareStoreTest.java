package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.ChildJvm;
import org.replicationserver.receiver.config.SoftwareSettings;
import org.replicationserver.receiver.software.SoftwareException.Kind;

class SoftwareStoreTest {
    private static final String KEY = "latest/agent";

    @TempDir
    private Path directory = Path.of("");

    private static byte[] content(int version) {
        byte[] content = new byte[2_000_000];
        new Random(version).nextBytes(content);
        return content;
    }

    private Path store() {
        return directory.resolve("software");
    }

    private Path current() {
        return store().resolve("current/agent/agent");
    }

    private Path mirror() {
        return directory.resolve("mirror");
    }

    private void publish(byte[] content) throws IOException {
        write(S3Server.BUCKET, KEY, content);
        write(S3Server.HASHES, KEY + ".sha512", S3Server.hashOf(content).getBytes(StandardCharsets.US_ASCII));
    }

    private void write(String bucket, String key, byte[] content) throws IOException {
        Path file = mirror().resolve(bucket).resolve(key);
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.write(file, content);
    }

    private void fetch(String version, FetchListener listener) throws SoftwareException, InterruptedException {
        SoftwareSettings settings = S3Server.mirrorSettings(store(), mirror());
        try (SoftwareFetcher fetcher = SoftwareFetcher.open(settings, S3Server.awsOfMirror())) {
            fetcher.fetch(fetcher.request(S3Server.BUCKET, KEY, null, version, null, null), listener);
        }
    }

    private void fetch(int version) throws Exception {
        publish(content(version));
        fetch(Integer.toString(version), at(FetchStep.DONE, () -> {}));
    }

    private interface Work {
        void run() throws Exception;
    }

    private static FetchListener at(FetchStep wanted, Work work) {
        return new FetchListener() {
            @Override
            public void step(FetchStep step) {
                if (step == wanted) {
                    try {
                        work.run();
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                }
            }

            @Override
            public void progress(long bytes, long sizeBytes) {
                // looked at elsewhere
            }
        };
    }

    private static Stream<String> ends() {
        return Stream.concat(
                Stream.of("1", "1000000"), Stream.of(FetchStep.values()).map(Enum::name));
    }

    @ParameterizedTest
    @MethodSource("ends")
    void processThatIsKilledAtAnyStepLeavesOneWholeVersionAndTheNextFetchSucceeds(String end) throws Exception {
        fetch(1);
        publish(content(2));
        Process process =
                ChildJvm.start(FetchMain.class, Map.of(), store().toString(), mirror().toString(), KEY, "2", end);
        assertThat(process.waitFor()).isEqualTo(137);

        boolean isTrusted = Objects.requireNonNull(SoftwareStore.require(SoftwareStore.read(store()), "agent")
                        .lastVersion())
                .equals(SoftwareVersion.parse("2"));
        assertThat(current())
                .as("nothing half")
                .satisfiesAnyOf(
                        file -> assertThat(file).hasBinaryContent(content(1)),
                        file -> assertThat(file).hasBinaryContent(content(2)));
        SoftwareStore.open(store()).close();
        assertThat(current()).hasBinaryContent(content(isTrusted ? 2 : 1));
        assertThat(store().resolve("versions/agent").toFile().list())
                .as("only what is trusted")
                .containsExactlyInAnyOrder(isTrusted ? new String[] {"1", "2"} : new String[] {"1"});

        List<FetchStep> steps = new ArrayList<>();
        fetch("2", at(FetchStep.DONE, () -> steps.add(FetchStep.DONE)));

        assertThat(current()).hasBinaryContent(content(2));
        assertThat(steps).hasSize(isTrusted ? 0 : 1);
        assertThat(store().resolve("incoming")).isEmptyDirectory();
        assertThat(Tree.of(store())).containsEntry("current/agent", "-> ../versions/agent/2");
    }

    @Test
    void bytesOfAKilledFetchAreCarriedOnWith() throws Exception {
        publish(content(1));
        Process process =
                ChildJvm.start(FetchMain.class, Map.of(), store().toString(), mirror().toString(), KEY, "1", "1000000");
        assertThat(process.waitFor()).isEqualTo(137);
        List<Long> progress = new ArrayList<>();

        fetch("1", new FetchListener() {
            @Override
            public void step(FetchStep step) {
                // looked at elsewhere
            }

            @Override
            public void progress(long bytes, long sizeBytes) {
                progress.add(bytes);
            }
        });

        assertThat(progress.getFirst()).isGreaterThanOrEqualTo(1_000_000);
        assertThat(current()).hasBinaryContent(content(1));
    }

    /** Whoever may write there anyway: the server's own user, and root. */
    @ParameterizedTest
    @EnumSource(
            value = FetchStep.class,
            names = {"DOWNLOADED", "PLACED", "VERIFIED"})
    void fileThatChangesBetweenDownloadAndInstallationIsRefused(FetchStep step) throws Exception {
        fetch(1);
        publish(content(2));
        Map<String, String> before = Tree.of(store());

        SoftwareException refused = catchThrowableOfType(
                SoftwareException.class,
                () -> fetch("2", at(step, () -> {
                    Path file = find("incoming");
                    byte[] bytes = Files.readAllBytes(file);
                    bytes[5] ^= 1;
                    assertThat(file.toFile().setWritable(true)).isTrue();
                    Files.write(file, bytes);
                })));

        assertThat(refused.kind()).isEqualTo(Kind.CHANGED_ON_DISK);
        SoftwareStore.open(store()).close();
        assertThat(current()).hasBinaryContent(content(1));
        assertThat(Tree.of(store())).containsAllEntriesOf(before);
        fetch("2", at(FetchStep.DONE, () -> {}));
        assertThat(current()).hasBinaryContent(content(2));
    }

    @Test
    void anotherFileInThePlaceOfTheOneThatWasCheckedIsRefused() throws Exception {
        publish(content(2));

        SoftwareException refused = catchThrowableOfType(
                SoftwareException.class,
                () -> fetch("2", at(FetchStep.VERIFIED, () -> {
                    Path file = find("incoming");
                    Path copy = file.resolveSibling("copy");
                    Files.copy(file, copy);
                    Files.delete(file);
                    Files.move(copy, file);
                })));

        assertThat(refused.kind()).as("although its content is the same").isEqualTo(Kind.CHANGED_ON_DISK);
        assertThat(current()).doesNotExist();
    }

    private Path find(String below) throws IOException {
        try (Stream<Path> all = Files.walk(store().resolve(below))) {
            return all.filter(Files::isRegularFile)
                    .filter(file -> !file.toString().endsWith(".json"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void storeIsOpenForOneAtATime() throws Exception {
        publish(content(1));
        SoftwareException[] refused = new SoftwareException[1];

        fetch(
                "1",
                at(
                        FetchStep.DOWNLOAD,
                        () -> refused[0] =
                                catchThrowableOfType(SoftwareException.class, () -> SoftwareStore.open(store()))));

        assertThat(refused[0].kind()).isEqualTo(Kind.STORE_IN_USE);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "(?s).*                     | '' | no JSON",
                "\\}\\s*$                   | '' | no JSON",
                "\"lastVersion\"            | '\u00ff' | no JSON",
                "\"lastVersion\" : \"1\"     | '\"lastVersion\" : \"1.x\"' | version=1.x",
                "\"version\" : \"1\"         | '\"version\" : \"1.x\"' | version=1.x",
                "\"directory\" : \"1\"       | '\"directory\" : \"../1\"' | directory=../1",
                "\"directory\" : \"1\",      | '' | something is missing",
                "\"sha512\" : \"[0-9a-f]*\"  | '\"sha512\" : \"ab\"' | sha512=ab",
                "\"lastSha512\" : \"[0-9a-f]*\" | '\"lastSha512\" : \"ab\"' | lastSha512=ab",
                "\"current\" : 0            | '\"current\" : 1' | current=1 of 1 versions",
                "\"sizeBytes\" : [0-9]*     | '\"sizeBytes\" : \"x\"' | of another type",
                "\"object\" : \"[^\"]*\",    | '' | something is missing"
            })
    void damagedRecordOfWhatIsTrustedIsNotTakenForNothing(String part, String damage, String told) throws Exception {
        fetch(1);
        Path record = store().resolve("trusted.json");
        String damaged =
                Pattern.compile(part).matcher(Files.readString(record)).replaceFirst(Matcher.quoteReplacement(damage));
        Files.writeString(record, damaged, StandardCharsets.ISO_8859_1);

        for (Work work : List.<Work>of(
                () -> fetch("1", at(FetchStep.DONE, () -> {})),
                () -> SoftwareStore.read(store()),
                () -> SoftwareStore.rollback(store(), "agent"))) {
            SoftwareException refused = catchThrowableOfType(SoftwareException.class, work::run);
            assertThat(refused).as(part).isNotNull();
            assertThat(refused.kind()).isEqualTo(Kind.STORE_DAMAGED);
            assertThat(refused.sentence()).contains("trusted.json is damaged (", told);
        }
        assertThat(current()).hasBinaryContent(content(1));
    }

    /** Whoever is not root could not carry on with it. */
    @Test
    void objectThatIsNotInstalledYetCanStillBeWritten() throws Exception {
        publish(content(1));
        Path inTheWay = store().resolve("incoming/agent/placed/agent");

        SoftwareException failure = catchThrowableOfType(
                SoftwareException.class,
                () -> fetch("1", at(FetchStep.DOWNLOADED, () -> Files.createDirectories(inTheWay))));

        assertThat(failure.kind()).isEqualTo(Kind.DISK);
        assertThat(Files.getPosixFilePermissions(store().resolve("incoming/agent/object")))
                .contains(PosixFilePermission.OWNER_WRITE);
        fetch(1);
        assertThat(current()).hasBinaryContent(content(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "", "{\"sizeBytes\":-5}", "\u00ff"})
    void recordOfWhatWasKeptThatIsDamagedIsAsNone(String damage) throws Exception {
        publish(content(1));
        Process process =
                ChildJvm.start(FetchMain.class, Map.of(), store().toString(), mirror().toString(), KEY, "1", "1000000");
        assertThat(process.waitFor()).isEqualTo(137);
        Path record = store().resolve("incoming/agent/object.json");
        String whole = Files.readString(record);
        Files.writeString(
                record,
                damage.contains("size") ? whole.replaceFirst("(\"sizeBytes\" : )[0-9]+", "$1-5") : damage,
                StandardCharsets.ISO_8859_1);

        fetch("1", at(FetchStep.DONE, () -> {}));

        assertThat(current()).hasBinaryContent(content(1));
    }

    @Test
    void fileThatIsNotOfTheStoreDoesNotKeepItFromOpening() throws Exception {
        fetch(1);
        for (String stray : List.of("incoming/stray", "versions/stray", "current/stray")) {
            Files.createFile(store().resolve(stray));
        }

        SoftwareStore.open(store()).close();

        assertThat(store().resolve("incoming")).isEmptyDirectory();
        assertThat(current()).hasBinaryContent(content(1));
    }

    @Test
    void rollbackToAFileThatIsNotWhatWasInstalledIsRefused() throws Exception {
        fetch(1);
        fetch(2);
        Path older = store().resolve("versions/agent/1/agent");
        assertThat(older.toFile().setWritable(true)).isTrue();
        Files.write(older, new byte[3]);

        SoftwareException refused =
                catchThrowableOfType(SoftwareException.class, () -> SoftwareStore.rollback(store(), "agent"));

        assertThat(refused.kind()).isEqualTo(Kind.CHANGED_ON_DISK);
        assertThat(current()).hasBinaryContent(content(2));
    }

    @Test
    void bytesThatNobodyCarriesOnWithAreGivenUp() throws Exception {
        publish(content(1));
        Process process =
                ChildJvm.start(FetchMain.class, Map.of(), store().toString(), mirror().toString(), KEY, "1", "1000000");
        assertThat(process.waitFor()).isEqualTo(137);

        SoftwareStore.open(store()).close();
        assertThat(store().resolve("incoming/agent/object")).exists();
        SoftwareStore.open(
                        store(),
                        Instant.now().plus(SoftwareStore.INCOMING_AGE_MAX).plusSeconds(60))
                .close();
        assertThat(store().resolve("incoming/agent")).doesNotExist();
    }

    @Test
    void directoryIsForTheServersUserAlone() throws Exception {
        fetch(1);

        assertThat(Files.getPosixFilePermissions(store()))
                .isEqualTo(java.nio.file.attribute.PosixFilePermissions.fromString("rwx------"));
        assertThat(Files.getPosixFilePermissions(current().toRealPath()))
                .isEqualTo(java.nio.file.attribute.PosixFilePermissions.fromString("r-x------"));
    }

    @Test
    void noMoreNamesAreTakenThanThereIsRoomFor() throws Exception {
        publish(content(1));
        @Nullable SoftwareException refused = null;
        for (int i = 0; i <= SoftwareStore.NAMES_MAX; i++) {
            write(S3Server.UNPAIRED, "n" + i, new byte[] {1});
            refused = fetchNamed("n" + i);
            assertThat(refused == null).isEqualTo(i < SoftwareStore.NAMES_MAX);
        }
        assertThat(Objects.requireNonNull(refused).kind()).isEqualTo(Kind.BAD_REQUEST);
    }

    private @Nullable SoftwareException fetchNamed(String key) {
        SoftwareSettings settings = S3Server.mirrorSettings(store(), mirror());
        return catchThrowableOfType(SoftwareException.class, () -> {
            try (SoftwareFetcher fetcher = SoftwareFetcher.open(settings, S3Server.awsOfMirror())) {
                String hash = S3Server.hashOf(new byte[] {1});
                fetcher.fetch(
                        fetcher.request(S3Server.UNPAIRED, key, null, null, hash, null), at(FetchStep.DONE, () -> {}));
            }
        });
    }
}
