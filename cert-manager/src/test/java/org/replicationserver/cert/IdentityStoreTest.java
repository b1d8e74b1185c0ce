package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdentityStoreTest {
    private static final CertificateIssuer NEVER = _ -> {
        throw new CertificateException("a new identity must not be made");
    };

    @TempDir
    private Path temporary;

    private Path directory;
    private Path key;
    private Path certificate;
    private Path pin;
    private Path keyDraft;
    private Path certificateDraft;
    private Path pinDraft;

    @BeforeEach
    void nameTheFiles() {
        directory = temporary.resolve("state").resolve("certificates");
        key = directory.resolve("server.key.pem");
        certificate = directory.resolve("server.cert.pem");
        pin = directory.resolve("server.pin");
        keyDraft = directory.resolve(".server.key.pem.draft");
        certificateDraft = directory.resolve(".server.cert.pem.draft");
        pinDraft = directory.resolve(".server.pin.draft");
    }

    @Test
    void theFirstStartMakesTheIdentityAndLaterStartsLoadIt() throws Exception {
        Identity made = create();
        Identity loaded = load();
        assertThat(loaded.pin()).isEqualTo(made.pin());
        assertThat(loaded.certificate()).isEqualTo(made.certificate());
        assertThat(loaded.privateKey()).isEqualTo(made.privateKey());
        assertThat(PemFiles.readPin(pin)).isEqualTo(made.pin());
        assertThat(Files.readString(pin)).isEqualTo(made.pin() + "\n");
    }

    @Test
    void onlyTheOwnerMayReadTheKeyAndEnterTheDirectory() throws Exception {
        create();
        assertThat(permissions(directory)).isEqualTo("rwx------");
        assertThat(permissions(key)).isEqualTo("rw-------");
    }

    @Test
    void theKeyIsPrivateFromItsFirstByte() throws Exception {
        Path path = temporary.resolve("new");
        PrivateFiles.writeNew(path, new byte[0], PrivateFiles.OWNER_ONLY_FILE);
        assertThat(permissions(path)).isEqualTo("rw-------");
        assertThatThrownBy(() -> PrivateFiles.writeNew(path, new byte[1], PrivateFiles.OWNER_ONLY_FILE))
                .as("a file somebody made before is never filled")
                .isInstanceOf(IOException.class);
    }

    @Test
    void nothingIsLeftBesideTheThreeFilesAndTheLock() throws Exception {
        create();
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files).containsExactlyInAnyOrder(key, certificate, pin, directory.resolve(".lock"));
        }
    }

    @Test
    void namesAreIdentitiesOfTheirOwn() throws Exception {
        IdentityStore store = new IdentityStore(directory);
        Pin one = store.loadOrCreate("server", TestIdentities.serverIssuer()).pin();
        Pin other = store.loadOrCreate("other", TestIdentities.serverIssuer()).pin();
        assertThat(other).isNotEqualTo(one);
        assertThat(load().pin()).isEqualTo(one);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "../server", "a/b", ".hidden", "Server", "a.b"})
    void aNameThatCouldLeaveTheDirectoryIsRefused(String name) {
        assertThatThrownBy(() -> new IdentityStore(directory).loadOrCreate(name, TestIdentities.serverIssuer()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(directory).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"rw-r-----", "rw----r--", "rwx------", "rw--w----"})
    void aKeyWiderThan0600IsRefused(String permissions) throws Exception {
        create();
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString(permissions));
        assertRefused(key, "permissions are " + permissions, "0600");
    }

    @Test
    void aNarrowerKeyIsAccepted() throws Exception {
        Pin made = create().pin();
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("r--------"));
        assertThat(load().pin()).isEqualTo(made);
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwxr-x---", "rwx--x--x", "rwxrwxrwx"})
    void aDirectoryWiderThan0700IsRefused(String permissions) throws Exception {
        create();
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));
        assertRefused(directory, "permissions are " + permissions, "0700");
    }

    @Test
    void aMissingKeyIsAnErrorAndNotANewKey() throws Exception {
        create();
        Files.delete(key);
        assertRefused(key, "missing", "from a backup");
        assertThat(key).doesNotExist();
    }

    @Test
    void aMissingCertificateIsAnErrorAndNotANewKey() throws Exception {
        create();
        Files.delete(certificate);
        assertRefused(certificate, "missing", "from a backup");
        assertThat(certificate).doesNotExist();
    }

    @Test
    void aPinAloneIsAnErrorAndNotANewKey() throws Exception {
        create();
        Files.delete(certificate);
        Files.move(key, keyDraft);
        Files.copy(keyDraft, certificateDraft);
        assertRefused(key, "missing", "from a backup");
        assertThat(key).doesNotExist();
    }

    @Test
    void aKeyThatDoesNotFitTheCertificateIsAnError() throws Exception {
        create();
        Identity other = TestIdentities.server();
        Files.write(key, PemFiles.toPem(other.privateKey()));
        assertRefused(key, "does not fit", "the private key of " + certificate);
    }

    @Test
    void aPinThatIsNotTheCertificatesIsAnError() throws Exception {
        create();
        Files.writeString(pin, TestIdentities.server().pin() + "\n");
        assertRefused(pin, "not the pin of the certificate", "that pin");
    }

    @Test
    void linksThatLeadNowhereAreAnErrorAndNotANewKey() throws Exception {
        create();
        Path unmounted = temporary.resolve("unmounted");
        for (Path file : new Path[] {key, certificate, pin}) {
            Files.delete(file);
            Files.createSymbolicLink(file, unmounted.resolve(file.getFileName()));
        }
        assertRefused(certificate, "cannot be read", "may read");
        assertThat(key).isSymbolicLink();
    }

    @Test
    void aDirectoryInThePlaceOfAFileIsAnError() throws Exception {
        create();
        Files.delete(certificate);
        Files.createDirectory(certificate);
        assertRefused(certificate, "cannot be read", "may read");
    }

    @Test
    void aFileInThePlaceOfTheDirectoryIsAnError() throws Exception {
        Files.createDirectory(directory.getParent());
        Files.createFile(directory);
        assertRefused(directory, "not a directory", "a directory");
    }

    @Test
    void anEndlessFileIsNotReadToItsEnd() throws Exception {
        create();
        Files.delete(certificate);
        Files.createSymbolicLink(certificate, Path.of("/dev/zero"));
        assertRefused(certificate, "too large", "65536");
    }

    @Test
    void everyCutOffLengthOfTheKeyIsAnErrorThatDoesNotQuoteIt() throws Exception {
        create();
        String whole = Files.readString(key);
        String end = "-----END PRIVATE KEY-----";
        for (int length = 0; length < whole.indexOf(end) + end.length(); length += 7) {
            Files.writeString(key, whole.substring(0, length));
            assertThatThrownBy(this::load)
                    .as("length %d", length)
                    .isInstanceOf(CertificateStoreException.class)
                    .hasMessageContaining("path=" + key)
                    .hasMessageNotContaining(whole.substring(30, 50));
        }
    }

    @Test
    void flippedCharactersOfTheCertificateNeverPassForIt() throws Exception {
        create();
        String whole = Files.readString(certificate);
        for (int at = 30; at < whole.length() - 30; at += 41) {
            char other = whole.charAt(at) == 'A' ? 'B' : 'A';
            Files.writeString(certificate, whole.substring(0, at) + other + whole.substring(at + 1));
            assertLoadsOnlyTheSameKey();
        }
    }

    @Test
    void twoBlocksInAFileAreAnError() throws Exception {
        create();
        Files.writeString(certificate, Files.readString(certificate).repeat(2));
        assertRefused(certificate, "several", "one X.509 block");
    }

    @Test
    void anIssuerThatFailsLeavesNothingBehind() throws Exception {
        assertThatThrownBy(this::load)
                .isInstanceOf(CertificateStoreException.class)
                .hasMessageContaining("must not be made");
        assertThat(create().pin()).isEqualTo(load().pin());
    }

    @Test
    void anIssuerThatCertifiesAnotherKeyIsRefused() {
        CertificateIssuer mixedUp = _ -> TestIdentities.server().certificate();
        assertThatThrownBy(() -> new IdentityStore(directory).loadOrCreate("server", mixedUp))
                .isInstanceOf(CertificateStoreException.class)
                .hasMessageContaining("does not fit");
        assertThat(key).doesNotExist();
    }

    @Test
    void cutOffWhileDraftingBeginsAgain() throws Exception {
        Pin first = create().pin();
        Files.delete(pin);
        Files.move(key, keyDraft);
        Files.move(certificate, certificateDraft);
        Files.writeString(certificateDraft, "-----BEGIN CERTIF");
        assertThat(create().pin()).isNotEqualTo(first);
        assertOnlyTheThreeFiles();
    }

    @Test
    void cutOffBeforeTheKeyWasPublishedBeginsAgain() throws Exception {
        Pin first = create().pin();
        Files.delete(pin);
        Files.move(key, keyDraft);
        Files.move(certificate, certificateDraft);
        assertThat(create().pin()).as("nobody has seen the first").isNotEqualTo(first);
        assertOnlyTheThreeFiles();
    }

    @Test
    void cutOffAfterTheKeyWasPublishedKeepsTheKey() throws Exception {
        Pin made = create().pin();
        Files.delete(pin);
        Files.move(certificate, certificateDraft);
        assertThat(load().pin()).isEqualTo(made);
        assertOnlyTheThreeFiles();
        assertThat(load().pin()).isEqualTo(made);
    }

    @Test
    void cutOffWithTheNamesInTheOtherOrderKeepsTheKey() throws Exception {
        Pin made = create().pin();
        Files.delete(pin);
        Files.move(key, keyDraft);
        assertThat(load().pin()).isEqualTo(made);
        assertOnlyTheThreeFiles();
    }

    @Test
    void cutOffBeforeThePinWasWrittenWritesIt() throws Exception {
        Pin made = create().pin();
        Files.delete(pin);
        Files.writeString(pinDraft, "sha2");
        assertThat(load().pin()).isEqualTo(made);
        assertThat(PemFiles.readPin(pin)).isEqualTo(made);
        assertOnlyTheThreeFiles();
    }

    @Test
    void aDraftThatDoesNotFitIsNotPublished() throws Exception {
        create();
        Files.delete(certificate);
        Files.write(certificateDraft, PemFiles.toPem(TestIdentities.server().certificate()));
        assertThatThrownBy(this::load).hasMessageContaining("does not fit");
        assertThat(certificate).doesNotExist();
    }

    @Test
    void aPairOfFilesAnywhereIsAnIdentity() throws Exception {
        Identity agent = TestIdentities.agent("s-1");
        Path keyFile = temporary.resolve("agent-key.pem");
        Path certificateFile = temporary.resolve("agent.pem");
        PrivateFiles.writeNew(keyFile, PemFiles.toPem(agent.privateKey()), PrivateFiles.OWNER_ONLY_FILE);
        PrivateFiles.writeNew(certificateFile, PemFiles.toPem(agent.certificate()), PrivateFiles.PUBLIC_FILE);
        assertThat(PemFiles.readIdentity(keyFile, certificateFile).pin()).isEqualTo(agent.pin());
        assertThat(PemFiles.readCertificate(certificateFile)).isEqualTo(agent.certificate());
        Files.setPosixFilePermissions(keyFile, PosixFilePermissions.fromString("rw-r--r--"));
        assertThatThrownBy(() -> PemFiles.readIdentity(keyFile, certificateFile))
                .isInstanceOf(CertificateStoreException.class)
                .hasMessageContaining("0600");
    }

    @Test
    void pairsOfTheOtherKindsOfKeysAreRead() throws Exception {
        for (Identity made : new Identity[] {
            TestIdentities.withRsaKey(2048),
            TestIdentities.withCurve("secp384r1"),
            TestIdentities.withEdwardsKey("Ed25519")
        }) {
            Path keyFile = temporary.resolve(made.pin() + ".key");
            Path certificateFile = temporary.resolve(made.pin() + ".cert");
            PrivateFiles.writeNew(keyFile, PemFiles.toPem(made.privateKey()), PrivateFiles.OWNER_ONLY_FILE);
            PrivateFiles.writeNew(certificateFile, PemFiles.toPem(made.certificate()), PrivateFiles.PUBLIC_FILE);
            assertThat(PemFiles.readIdentity(keyFile, certificateFile).pin()).isEqualTo(made.pin());
        }
    }

    @Test
    void theIssuerIsGivenTheKeyThatIsStored() throws Exception {
        KeyPair[] given = new KeyPair[1];
        Identity made = new IdentityStore(directory).loadOrCreate("server", keyPair -> {
            given[0] = keyPair;
            return TestIdentities.serverIssuer().issue(keyPair);
        });
        assertThat(Pin.of(given[0].getPublic())).isEqualTo(made.pin());
    }

    @Test
    void findingTheIdentityMakesAndChangesNothing() throws Exception {
        assertThat(find()).isEmpty();
        assertThat(temporary).isEmptyDirectory();
        Identity made = create();
        Files.delete(directory.resolve(".lock"));
        Files.delete(pin);
        Files.move(certificate, certificateDraft);
        assertThat(find().orElseThrow().pin()).as("as the next start finds it").isEqualTo(made.pin());
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files).containsExactlyInAnyOrder(key, certificateDraft);
        }
    }

    @Test
    void whatAStartRefusesIsRefusedInTheSameWordsWhereItIsOnlyLookedAt() throws Exception {
        create();
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
        assertFindIsRefusedAsLoadIs();
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertFindIsRefusedAsLoadIs();
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        Files.writeString(key, "garbage");
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
        assertFindIsRefusedAsLoadIs();
        Files.delete(key);
        assertFindIsRefusedAsLoadIs();
    }

    private Optional<Identity> find() throws CertificateStoreException {
        return new IdentityStore(directory).find("server");
    }

    private void assertFindIsRefusedAsLoadIs() {
        CertificateStoreException refused = catchThrowableOfType(CertificateStoreException.class, this::load);
        assertThatThrownBy(this::find)
                .isInstanceOf(CertificateStoreException.class)
                .hasMessage(refused.getMessage());
    }

    private Identity create() throws CertificateStoreException {
        return new IdentityStore(directory).loadOrCreate("server", TestIdentities.serverIssuer());
    }

    private Identity load() throws CertificateStoreException {
        return new IdentityStore(directory).loadOrCreate("server", NEVER);
    }

    private void assertRefused(Path path, String what, String allowed) {
        assertThatThrownBy(this::load)
                .isInstanceOfSatisfying(
                        CertificateStoreException.class,
                        e -> assertThat(e.path()).isEqualTo(path))
                .hasMessageContaining("path=" + path)
                .hasMessageContaining(what)
                .hasMessageContaining("allowed: ")
                .hasMessageContaining(allowed);
    }

    /** A flip in the self-signature goes unnoticed, since the pin and not the signature is what counts. */
    private void assertLoadsOnlyTheSameKey() throws IOException {
        Pin expected = PemFiles.readPin(pin);
        try {
            assertThat(load().pin()).isEqualTo(expected);
        } catch (CertificateStoreException e) {
            assertThat(e.path()).isIn(certificate, key);
        }
    }

    private void assertOnlyTheThreeFiles() {
        assertThat(key).exists();
        assertThat(certificate).exists();
        assertThat(pin).exists();
        assertThat(keyDraft).doesNotExist();
        assertThat(certificateDraft).doesNotExist();
        assertThat(pinDraft).doesNotExist();
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
