package org.replicationserver.cert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A directory that keeps identities over restarts: {@code <name>.key.pem}, {@code <name>.cert.pem} and
 * {@code <name>.pin}. Any thread, any number of processes; a {@link StoreLock} lets in one at a time.
 *
 * <p>A first start makes the identity in this order, so that at every moment either nothing is published, or all that
 * is missing can be had from what is there:
 *
 * <ol>
 *   <li>The key and the certificate are written as drafts, each forced, then the directory is forced. Cut off here,
 *       nobody has seen the key: the next start throws the drafts away and begins again.
 *   <li>The key's draft is renamed into its place. From here on this identity is the one. The certificate's draft is
 *       whole, because step 1 forced it; the next start finishes the publishing.
 *   <li>The certificate's draft is renamed into its place and the directory is forced.
 *   <li>The pin is written in the same way. It follows from the certificate, so the next start writes it if it is
 *       missing.
 * </ol>
 *
 * <p>Whatever else is found is an error and changes nothing, least of all into a new key: agents would refuse it, and
 * the operator would look for the reason at the wrong end.
 */
public final class IdentityStore {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,63}");

    private final Path directory;

    public IdentityStore(Path directory) {
        this.directory = directory;
    }

    /** Loads the identity of this name; makes it by the issuer if the store has nothing at all under the name. */
    public Identity loadOrCreate(String name, CertificateIssuer issuer) throws CertificateStoreException {
        requireForm(name);
        PrivateFiles.ensureOwnerOnlyDirectory(directory);
        try (StoreLock _ = StoreLock.acquire(directory)) {
            Entry entry = new Entry(directory, name);
            return entry.isUnused() ? entry.create(issuer) : entry.load();
        } catch (CertificateStoreException e) {
            throw e;
        } catch (IOException e) {
            throw new CertificateStoreException(
                    directory, "cannot be read or written", "a place where this process may write", e);
        }
    }

    /**
     * Checks the identity of this name as {@link #loadOrCreate} does, and makes and changes nothing.
     *
     * @return empty if the store has nothing at all under the name, so that the identity would be made
     */
    public Optional<Identity> find(String name) throws CertificateStoreException {
        requireForm(name);
        if (Files.notExists(directory, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        PrivateFiles.requireOwnerOnlyDirectory(directory);
        try (StoreLock _ = StoreLock.share(directory)) {
            Entry entry = new Entry(directory, name);
            return entry.isUnused() ? Optional.empty() : Optional.of(entry.check());
        } catch (CertificateStoreException e) {
            throw e;
        } catch (IOException e) {
            throw new CertificateStoreException(directory, "cannot be read", "a place where this process may read", e);
        }
    }

    private static void requireForm(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "store name: length=" + name.length() + "; allowed: 1 to 64 of a-z, 0-9, hyphen");
        }
    }

    /** The three files of one name. Used under the lock. */
    private static final class Entry {
        private final Path directory;
        private final StoredFile key;
        private final StoredFile certificate;
        private final StoredFile pin;

        Entry(Path directory, String name) {
            this.directory = directory;
            this.key = new StoredFile(directory, name + ".key.pem", PrivateFiles.OWNER_ONLY_FILE);
            this.certificate = new StoredFile(directory, name + ".cert.pem", PrivateFiles.PUBLIC_FILE);
            this.pin = new StoredFile(directory, name + ".pin", PrivateFiles.PUBLIC_FILE);
        }

        boolean isUnused() {
            return !key.isPublished() && !certificate.isPublished() && !pin.isPublished();
        }

        Identity create(CertificateIssuer issuer) throws IOException {
            Identity identity = issue(issuer);
            certificate.draft(encoded(identity));
            key.draft(PemFiles.toPem(identity.privateKey()));
            PrivateFiles.forceDirectory(directory);
            key.publish();
            certificate.publish();
            PrivateFiles.forceDirectory(directory);
            writePin(identity.pin());
            return identity;
        }

        /** Checks all that is there before anything is moved. */
        Identity load() throws IOException {
            Identity identity = check();
            finishPublishing(identity.pin());
            return identity;
        }

        Identity check() throws CertificateStoreException {
            requireKeyAndCertificate();
            Identity identity = PemFiles.readIdentity(key.publishedOrDraft(), certificate.publishedOrDraft());
            if (pin.isPublished()) {
                requireSamePin(identity.pin());
            }
            return identity;
        }

        private void requireKeyAndCertificate() throws CertificateStoreException {
            // With only the pin left, drafts prove nothing: they are older than the files that are gone.
            boolean begun = key.isPublished() || certificate.isPublished();
            for (StoredFile half : List.of(key, certificate)) {
                if (!begun || half.isMissing()) {
                    throw new CertificateStoreException(
                            half.path(),
                            "missing, while other files of this identity are there",
                            "all of them, from a backup; or none of them, and a new identity with a new pin is made");
                }
            }
        }

        private void requireSamePin(Pin expected) throws CertificateStoreException {
            if (!PemFiles.readPin(pin.path()).equals(expected)) {
                throw new CertificateStoreException(
                        pin.path(), "not the pin of the certificate, which is " + expected, "that pin, or no file");
            }
        }

        private void finishPublishing(Pin expected) throws IOException {
            boolean cutOff = !key.isPublished() || !certificate.isPublished();
            if (cutOff) {
                key.publishIfDraft();
                certificate.publishIfDraft();
                PrivateFiles.forceDirectory(directory);
            }
            if (!pin.isPublished()) {
                writePin(expected);
            }
        }

        private void writePin(Pin content) throws IOException {
            pin.draft((content + "\n").getBytes(StandardCharsets.US_ASCII));
            pin.publish();
            PrivateFiles.forceDirectory(directory);
        }

        private Identity issue(CertificateIssuer issuer) throws CertificateStoreException {
            try {
                return Identity.create(issuer);
            } catch (CertificateException e) {
                throw new CertificateStoreException(
                        certificate.path(), "cannot be issued: " + e.getMessage(), "an issuer that answers", e);
            }
        }

        private static byte[] encoded(Identity identity) throws IOException {
            try {
                return PemFiles.toPem(identity.certificate());
            } catch (CertificateException e) {
                throw new IOException("a certificate without an encoding", e);
            }
        }
    }
}
