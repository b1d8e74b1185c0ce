package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.config.SoftwareSettings;
import org.replicationserver.receiver.software.SoftwareException.Kind;
import org.replicationserver.receiver.software.SoftwareFetcher.Fetched;

/** Fetches from hosts with the real names of buckets, over TLS. */
class SoftwareFetcherTest {
    private static final String KEY = "latest/linux/agent";
    private static final byte[] CONTENT = content(1);
    private static final byte[] OTHER = content(2);

    @TempDir
    private Path directory = Path.of("");

    private @Nullable S3Server started;

    private static byte[] content(long seed) {
        byte[] content = new byte[700_000];
        new Random(seed).nextBytes(content);
        return content;
    }

    @BeforeEach
    void start() throws Exception {
        started = new S3Server(directory);
    }

    @AfterEach
    void stop() throws Exception {
        s3().close();
    }

    private S3Server s3() {
        return Objects.requireNonNull(started);
    }

    private Path store() {
        return directory.resolve("software");
    }

    private Path current() {
        return store().resolve("current/agent/agent");
    }

    /** What is asked for, on top of bucket and key. */
    private record Ask(
            String bucket,
            String key,
            @Nullable String version,
            @Nullable String sha512,
            @Nullable String signature) {
        static Ask latest() {
            return new Ask(S3Server.BUCKET, KEY, null, null, null);
        }

        static Ask version(String version) {
            return new Ask(S3Server.BUCKET, KEY, version, null, null);
        }
    }

    private Fetched fetch(SoftwareSettings settings, Ask ask, List<FetchStep> steps) throws Exception {
        try (SoftwareFetcher fetcher = s3().fetcher(settings)) {
            FetchRequest request = fetcher.request(ask.bucket, ask.key, null, ask.version, ask.sha512, ask.signature);
            return fetcher.fetch(request, new FetchListener() {
                @Override
                public void step(FetchStep step) {
                    steps.add(step);
                }

                @Override
                public void progress(long bytes, long sizeBytes) {
                    // looked at elsewhere
                }
            });
        }
    }

    private Fetched fetch(Ask ask) throws Exception {
        return fetch(S3Server.settings(store()), ask, new ArrayList<>());
    }

    /** Fetches, is refused, and leaves nothing on the disk that was not there. */
    private SoftwareException refused(SoftwareSettings settings, Ask ask) throws Exception {
        Map<String, String> before = Tree.of(store());
        SoftwareException refused = failed(settings, ask);
        assertThat(Tree.of(store())).isEqualTo(before);
        return refused;
    }

    private SoftwareException refused(Ask ask) throws Exception {
        return refused(S3Server.settings(store()), ask);
    }

    private SoftwareException failed(SoftwareSettings settings, Ask ask) {
        SoftwareException failure =
                catchThrowableOfType(SoftwareException.class, () -> fetch(settings, ask, new ArrayList<>()));
        assertThat(failure).as("%s", ask).isNotNull();
        assertThat(failure.nextAction()).endsWith(".");
        return failure;
    }

    // --- what is right

    @Test
    void objectWithTheHashOfThePairedBucketIsInstalledAndCurrent() throws Exception {
        s3().publish(KEY, CONTENT);
        List<FetchStep> steps = new ArrayList<>();

        Fetched fetched = fetch(S3Server.settings(store()), Ask.latest(), steps);

        assertThat(fetched.isNew()).isTrue();
        assertThat(steps).containsExactly(FetchStep.values());
        assertThat(current()).hasBinaryContent(CONTENT);
        assertThat(Files.isExecutable(current())).isTrue();
        assertThat(store().resolve("incoming")).isEmptyDirectory();
        assertThat(s3().received())
                .allSatisfy(request -> assertThat(request.headers()).doesNotContainKey("authorization"))
                .extracting(request -> request.header("host"))
                .containsExactly(
                        S3Server.HASHES + ".s3.eu-test-1.amazonaws.com",
                        S3Server.BUCKET + ".s3.eu-test-1.amazonaws.com");
    }

    @Test
    void hashIsComparedAfterTrimmingAndWhateverItsCase() throws Exception {
        String hash = "  " + S3Server.hashOf(CONTENT).toUpperCase(Locale.ROOT) + "\r\n\n";
        s3().put(S3Server.BUCKET, KEY, CONTENT)
                .put(S3Server.HASHES, KEY + ".sha512", hash.getBytes(StandardCharsets.US_ASCII));

        assertThat(fetch(Ask.latest()).isNew()).isTrue();
    }

    @Test
    void sameAgainIsNotFetchedAgain() throws Exception {
        s3().publish(KEY, CONTENT);
        fetch(Ask.latest());

        assertThat(fetch(Ask.latest()).isNew()).isFalse();
        assertThat(s3().received(KEY)).hasSize(1);
    }

    @Test
    void installedFileThatWasDamagedIsFetchedAgain() throws Exception {
        s3().publish(KEY, CONTENT);
        fetch(Ask.latest());
        Path installed = current().toRealPath();
        assertThat(installed.toFile().setWritable(true)).isTrue();
        Files.write(installed, OTHER);

        assertThat(fetch(Ask.latest()).isNew()).isTrue();
        assertThat(current()).hasBinaryContent(CONTENT);
    }

    @Test
    void objectOfABucketWithoutHashesIsInstalledByTheHashThatIsGiven() throws Exception {
        s3().put(S3Server.UNPAIRED, KEY, CONTENT);

        fetch(new Ask(S3Server.UNPAIRED, KEY, null, S3Server.hashOf(CONTENT), null));

        assertThat(current()).hasBinaryContent(CONTENT);
    }

    @Test
    void keyOfUnusualCharactersIsThatOfTheObject() throws Exception {
        String key = "a b/c+d=e&f;(1)/agent";
        s3().publish(key, CONTENT);

        fetch(new Ask(S3Server.BUCKET, key, null, null, null));

        assertThat(current()).hasBinaryContent(CONTENT);
    }

    // --- what is refused

    @Test
    void missingHashIsAbsentOrNotAllowed() throws Exception {
        s3().put(S3Server.BUCKET, KEY, CONTENT);

        SoftwareException refused = refused(Ask.latest());

        assertThat(refused.kind()).isEqualTo(Kind.HASH_MISSING);
        assertThat(refused.sentence()).contains("answered 403 AccessDenied", "absent, or this server is not allowed");
        assertThat(s3().received(KEY)).as("not even asked for").isEmpty();
    }

    @Test
    void missingObjectIsAbsentOrNotAllowed() throws Exception {
        s3().publish(KEY, CONTENT);

        SoftwareException refused = failed(
                S3Server.settings(store()), new Ask(S3Server.BUCKET, "no/agent", null, S3Server.hashOf(CONTENT), null));

        assertThat(refused.kind()).isEqualTo(Kind.OBJECT_MISSING);
        assertThat(Tree.of(store())).isEmpty();
    }

    @Test
    void wrongHashIsRefused() throws Exception {
        s3().publish(KEY, OTHER);
        fetch(Ask.latest());
        s3().publish(KEY, CONTENT).put(S3Server.BUCKET, KEY, content(3));

        SoftwareException refused = refused(Ask.latest());
        assertThat(refused.kind()).isEqualTo(Kind.HASH_DIFFERS);
        assertThat(refused.sentence())
                .as("what was found, whole")
                .contains(S3Server.hashOf(content(3)) + " and not "
                        + S3Server.hashOf(CONTENT).substring(0, 16) + "...");
        assertThat(current()).hasBinaryContent(OTHER);
    }

    @ParameterizedTest
    @ValueSource(strings = {"HASH  agent\n", "HASH *latest/linux/an agent\n", "HASH"})
    void hashIsTakenAsSha512sumWritesIt(String line) throws Exception {
        String text = line.replace("HASH", S3Server.hashOf(CONTENT));
        s3().put(S3Server.BUCKET, KEY, CONTENT)
                .put(S3Server.HASHES, KEY + ".sha512", text.getBytes(StandardCharsets.US_ASCII));

        fetch(Ask.latest());

        assertThat(current()).hasBinaryContent(CONTENT);
    }

    @ParameterizedTest
    @MethodSource("noHashes")
    void whatIsNoHashIsRefused(String hash) throws Exception {
        s3().put(S3Server.BUCKET, KEY, CONTENT)
                .put(S3Server.HASHES, KEY + ".sha512", hash.getBytes(StandardCharsets.US_ASCII));

        assertThat(refused(Ask.latest()).kind()).isEqualTo(Kind.HASH_MALFORMED);
    }

    static Stream<String> noHashes() {
        String hash = S3Server.hashOf(CONTENT);
        return Stream.of("", "abc", "<Error/>", hash + "0", hash + "  a\n" + hash + "  b\n");
    }

    @Test
    void hashFileOfManyBytesIsNotRead() throws Exception {
        s3().put(S3Server.HASHES, KEY + ".sha512", new byte[5000]);

        assertThat(refused(Ask.latest()).kind()).isEqualTo(Kind.TOO_LARGE);
    }

    @Test
    void bucketWithoutHashesNeedsOneThatIsGiven() throws Exception {
        s3().put(S3Server.UNPAIRED, KEY, CONTENT);

        assertThat(refused(new Ask(S3Server.UNPAIRED, KEY, null, null, null)).kind())
                .isEqualTo(Kind.HASH_NEEDED);
        assertThat(s3().received()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void redirectIsNotFollowed(int status) throws Exception {
        s3().publish(KEY, CONTENT)
                .objectsBy(S3Server.status(
                        status,
                        "PermanentRedirect",
                        "Location",
                        "https://" + S3Server.UNPAIRED + ".s3.eu-test-1.amazonaws.com/x"));

        SoftwareException refused = refused(Ask.latest());

        assertThat(refused.kind()).isEqualTo(Kind.REDIRECTED);
        assertThat(refused.sentence()).contains("answered " + status + " PermanentRedirect", "amazonaws.com/x");
        assertThat(s3().received(KEY)).hasSize(1);
        assertThat(s3().received("x")).isEmpty();
    }

    @Test
    void largerObjectThanIsAllowedIsRefusedBeforeItComes() throws Exception {
        s3().publish(KEY, CONTENT);
        SoftwareSettings small =
                S3Server.settings(store(), CONTENT.length - 1, Duration.ofSeconds(30), Optional.empty());

        assertThat(refused(small, Ask.latest()).kind()).isEqualTo(Kind.TOO_LARGE);
    }

    @Test
    void bodyWithoutAnEndIsRefused() throws Exception {
        s3().publish(KEY, CONTENT).objectsBy(s3().endless());

        SoftwareException refused = refused(Ask.latest());

        assertThat(refused.kind()).isEqualTo(Kind.BAD_ANSWER);
        assertThat(refused.sentence()).contains("does not say how long it is");
    }

    @Test
    void authorityThatIsNotTrustedIsRefused() throws Exception {
        s3().publish(KEY, CONTENT);
        try (S3Server others = new S3Server(Files.createDirectory(directory.resolve("others")))) {
            // The proxy leads to a server whose certificate is for other names.
            SoftwareSettings settings = S3Server.settings(store());
            SoftwareException refused = catchThrowableOfType(SoftwareException.class, () -> {
                try (SoftwareFetcher fetcher = others.fetcherIn("eu-test-2", settings)) {
                    fetcher.fetch(
                            fetcher.request("aws-mgn-internal-eu-test-2", KEY, null, null, null, null),
                            new FetchListener() {
                                @Override
                                public void step(FetchStep step) {
                                    // nobody asks
                                }

                                @Override
                                public void progress(long bytes, long sizeBytes) {
                                    // nobody asks
                                }
                            });
                }
            });
            assertThat(refused.kind()).isEqualTo(Kind.UNTRUSTED);
            assertThat(refused.sentence()).contains("it is for another name");
            assertThat(others.received()).isEmpty();
        }
    }

    // --- what breaks

    @Test
    void objectThatBreaksOffIsCarriedOnWithByRangeAndETag() throws Exception {
        s3().publish(KEY, CONTENT).thenUsual().then(s3().cutAfter(300_000));

        fetch(Ask.latest());

        assertThat(current()).hasBinaryContent(CONTENT);
        List<HttpsStub.Received> requests = s3().received(KEY);
        assertThat(requests).hasSize(2);
        assertThat(requests.getLast().header("range")).isEqualTo("bytes=300000-");
        assertThat(requests.getLast().header("if-match")).matches("\"[0-9a-f]{32}\"");
    }

    @Test
    void objectThatAlwaysBreaksOffIsTruncatedAndTheNextFetchCarriesOn() throws Exception {
        s3().publish(KEY, CONTENT).thenUsual().then(s3().cutAfter(300_000)).objectsBy(s3().cutAfter(0));

        SoftwareException failure = failed(S3Server.settings(store()), Ask.latest());

        assertThat(failure.kind()).isEqualTo(Kind.TRUNCATED);
        assertThat(failure.sentence()).contains("after 300000 of 700000 bytes");
        assertThat(store().resolve("current")).doesNotExist();
        s3().usual();
        fetch(Ask.latest());
        assertThat(current()).hasBinaryContent(CONTENT);
        assertThat(s3().received(KEY).getLast().header("range")).isEqualTo("bytes=300000-");
    }

    @Test
    void objectThatDripsIsGivenUpInTimeAndKept() throws Exception {
        s3().publish(KEY, CONTENT).objectsBy(s3().dripping());
        SoftwareSettings hasty = S3Server.settings(store(), 16 << 20, Duration.ofSeconds(2), Optional.empty());

        long begun = System.nanoTime();
        SoftwareException failure = failed(hasty, Ask.latest());

        assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
        assertThat(failure.sentence())
                .startsWith("agent from " + S3Server.BUCKET + "/" + KEY + " was not fetched within ");
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(15));
        assertThat(Files.size(store().resolve("incoming/agent/object"))).isBetween(1L, CONTENT.length - 1L);
    }

    @Test
    void objectThatBecomesAnotherOneMeanwhileIsBegunAnew() throws Exception {
        s3().publish(KEY, CONTENT).thenUsual().then((exchange, closing) -> {
            s3().cutAfter(300_000).to(exchange, closing);
            s3().put(S3Server.BUCKET, KEY, OTHER);
        });

        SoftwareException refused = failed(S3Server.settings(store()), Ask.latest());

        assertThat(refused.kind()).as("the hash is of the former content").isEqualTo(Kind.HASH_DIFFERS);
        assertThat(s3().received(KEY)).hasSize(3);
        assertThat(s3().received(KEY).getLast().headers()).doesNotContainKey("range");
        s3().publish(KEY, OTHER);
        fetch(Ask.latest());
        assertThat(current()).hasBinaryContent(OTHER);
    }

    @Test
    void objectThatChangesWithEachAnswerIsGivenUp() throws Exception {
        int[] version = {10};
        s3().publish(KEY, CONTENT).objectsBy((exchange, closing) -> {
            s3().cutAfter(100_000).to(exchange, closing);
            s3().put(S3Server.BUCKET, KEY, content(version[0]++));
        });

        assertThat(failed(S3Server.settings(store()), Ask.latest()).kind()).isEqualTo(Kind.CHANGED);
    }

    @Test
    void serverThatKnowsNoRangesIsAskedForTheWhole() throws Exception {
        s3().publish(KEY, CONTENT).thenUsual().then(s3().cutAfter(300_000)).then(s3().whole());

        fetch(Ask.latest());

        assertThat(current()).hasBinaryContent(CONTENT);
    }

    @Test
    void bytesThatWereKeptAndAreWrongAreFetchedAnewOnce() throws Exception {
        s3().publish(KEY, CONTENT).thenUsual().then(s3().cutAfter(300_000)).objectsBy(s3().cutAfter(0));
        failed(S3Server.settings(store()), Ask.latest());
        byte[] kept = Files.readAllBytes(store().resolve("incoming/agent/object"));
        kept[1000] ^= 1;
        Files.write(store().resolve("incoming/agent/object"), kept);

        s3().usual();
        fetch(Ask.latest());

        assertThat(current()).hasBinaryContent(CONTENT);
    }

    @Test
    void faultOfTheServerIsTriedAgain() throws Exception {
        s3().publish(KEY, CONTENT)
                .then(S3Server.status(503, "SlowDown"))
                .thenUsual()
                .then(S3Server.status(500, "InternalError"));

        fetch(Ask.latest());

        assertThat(current()).hasBinaryContent(CONTENT);
    }

    @Test
    void faultThatLastsIsTheServers() throws Exception {
        s3().publish(KEY, CONTENT).objectsBy(S3Server.status(503, "SlowDown"));

        SoftwareException failure = failed(S3Server.settings(store()), Ask.latest());

        assertThat(failure.kind()).isEqualTo(Kind.SERVER_FAULT);
        assertThat(failure.sentence()).contains("answered 503 SlowDown");
        assertThat(s3().received(KEY)).hasSize(Download.FAILURES_MAX);
    }

    // --- what is trusted

    @Test
    void lowerVersionThanTheLastOneTrustedIsRefused() throws Exception {
        s3().publish(KEY, CONTENT);
        fetch(Ask.version("1.10"));
        s3().publish(KEY, OTHER);

        SoftwareException refused = refused(Ask.version("1.9"));

        assertThat(refused.kind()).isEqualTo(Kind.VERSION_LOWER);
        assertThat(refused.sentence()).contains("agent 1.9 is older than 1.10");
        assertThat(refused(Ask.latest()).kind()).isEqualTo(Kind.VERSION_MISSING);
        assertThat(refused(Ask.version("1.10.0")).kind()).isEqualTo(Kind.VERSION_REUSED);
    }

    @Test
    void rollbackIsRecordedAndDoesNotLowerWhatIsTrusted() throws Exception {
        s3().publish(KEY, CONTENT);
        fetch(Ask.version("1"));
        s3().publish(KEY, OTHER);
        fetch(Ask.version("2"));

        SoftwareStore.rollback(store(), "agent");

        assertThat(current()).hasBinaryContent(CONTENT);
        TrustedName trusted = SoftwareStore.require(SoftwareStore.read(store()), "agent");
        assertThat(trusted.rollbacks()).singleElement().satisfies(one -> {
            assertThat(one.from()).isEqualTo("2");
            assertThat(one.to()).isEqualTo("1");
        });
        s3().publish(KEY, content(3));
        assertThat(refused(Ask.version("1.5")).kind()).isEqualTo(Kind.VERSION_LOWER);
        assertThat(catchThrowableOfType(SoftwareException.class, () -> SoftwareStore.rollback(store(), "agent"))
                        .kind())
                .isEqualTo(Kind.NOTHING_OLDER);
        fetch(Ask.version("3"));
        SoftwareStore.rollback(store(), "agent");
        assertThat(current()).as("what was gone back from is given up").hasBinaryContent(CONTENT);
    }

    @Test
    void withoutVersionsContentThatWasReplacedIsOlder() throws Exception {
        s3().publish(KEY, CONTENT);
        fetch(Ask.latest());
        s3().publish(KEY, OTHER);
        fetch(Ask.latest());
        s3().publish(KEY, CONTENT);

        SoftwareException refused = refused(Ask.latest());

        assertThat(refused.kind()).isEqualTo(Kind.VERSION_LOWER);
        assertThat(refused.sentence()).contains("was replaced by a newer one before");
    }

    @Test
    void noMoreVersionsAreKeptThanCanBeGoneBackToAndWhatIsRemovedIsTold() throws Exception {
        List<String> removed = new ArrayList<>();
        for (int i = 1; i <= TrustedName.VERSIONS_MAX + 2; i++) {
            s3().publish(KEY, content(i));
            fetch(Ask.version(Integer.toString(i))).removed().forEach(one -> removed.add(one.words()));
        }

        assertThat(removed).containsExactly("1", "2");
        assertThat(store().resolve("versions/agent"))
                .isDirectoryContaining("glob:**/5")
                .isDirectoryContaining("glob:**/3")
                .isDirectoryNotContaining("glob:**/2");
        assertThat(current()).hasBinaryContent(content(5));
    }

    // --- signatures

    private static byte[] sign(KeyPair keys, @Nullable String version, byte[] content) throws Exception {
        Signature signature = Signature.getInstance("Ed25519");
        signature.initSign(keys.getPrivate());
        signature.update(SoftwareSignature.statement(
                "agent", version == null ? null : SoftwareVersion.parse(version), S3Server.hashOf(content)));
        return signature.sign();
    }

    @Test
    void softwareWithoutASoundSignatureIsRefusedWhereOneIsAskedFor() throws Exception {
        KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        Path key = Files.writeString(
                directory.resolve("signing.pub.pem"),
                "-----BEGIN PUBLIC KEY-----\n"
                        + Base64.getMimeEncoder()
                                .encodeToString(keys.getPublic().getEncoded())
                        + "\n-----END PUBLIC KEY-----\n");
        SoftwareSettings settings = S3Server.settings(store(), 16 << 20, Duration.ofSeconds(30), Optional.of(key));
        s3().publish(KEY, CONTENT);

        assertThat(refused(settings, Ask.version("1")).kind()).isEqualTo(Kind.SIGNATURE_MISSING);
        s3().put(S3Server.HASHES, KEY + ".sig", sign(keys, "2", CONTENT));
        assertThat(refused(settings, Ask.version("1")).kind()).isEqualTo(Kind.SIGNATURE_WRONG);
        assertThat(s3().received(KEY)).as("the object is not even asked for").isEmpty();
        s3().put(S3Server.HASHES, KEY + ".sig", sign(keys, "1", CONTENT));
        assertThat(fetch(settings, Ask.version("1"), new ArrayList<>())
                        .version()
                        .signed())
                .isTrue();
        s3().publish(KEY, OTHER);
        String given = Base64.getEncoder().encodeToString(sign(keys, "2", OTHER));
        Ask withSignature = new Ask(S3Server.BUCKET, KEY, "2", null, given);
        assertThat(fetch(settings, withSignature, new ArrayList<>()).isNew()).isTrue();
    }

    // --- a mirror

    @Test
    void mirrorIsCheckedAsS3IsAndTheNetworkIsNotAsked() throws Exception {
        Path mirror = directory.resolve("mirror");
        Files.createDirectories(mirror.resolve(S3Server.BUCKET).resolve("latest/linux"));
        Files.createDirectories(mirror.resolve(S3Server.HASHES).resolve("latest/linux"));
        Files.write(mirror.resolve(S3Server.BUCKET).resolve(KEY), CONTENT);
        Path hash = mirror.resolve(S3Server.HASHES).resolve(KEY + ".sha512");
        SoftwareSettings settings = S3Server.mirrorSettings(store(), mirror);

        SoftwareException missing = refused(settings, Ask.latest());
        assertThat(missing.kind()).isEqualTo(Kind.HASH_MISSING);
        assertThat(missing.sentence()).endsWith("the mirror has no file " + hash);
        assertThat(missing.nextAction()).contains("sha512sum", "--sha512");
        Files.writeString(hash, S3Server.hashOf(OTHER));
        assertThat(refused(settings, Ask.latest()).kind()).isEqualTo(Kind.HASH_DIFFERS);
        Files.writeString(hash, S3Server.hashOf(CONTENT));
        fetch(settings, Ask.latest(), new ArrayList<>());

        assertThat(current()).hasBinaryContent(CONTENT);
        assertThat(s3().received()).isEmpty();
    }
}
