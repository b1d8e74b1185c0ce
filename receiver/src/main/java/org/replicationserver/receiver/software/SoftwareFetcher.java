package org.replicationserver.receiver.software;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.Credentials;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.config.AllowListFile.Rule;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.SoftwareSettings;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.software.ObjectSource.OpenObject;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/**
 * Fetches software, checks it and installs it. One thread; blocks for as long as it takes.
 *
 * <p>The order is that of what costs least: what is refused without a look at the network; the hash; the signature, which is over the hash;
 * then the object, whose hash is checked as it comes and again where it stays; then the installation.
 */
public final class SoftwareFetcher implements AutoCloseable {
    /** More than a hash or a signature has, with white space around it. */
    private static final int SMALL_BYTES_MAX = 4096;

    /** A hash alone, or the line that {@code sha512sum} writes of one file. The name of the file says nothing here. */
    private static final Pattern HASH = Pattern.compile("\\s*([0-9A-Fa-f]{128})(?:[ \\t]+[^\\r\\n]+)?\\s*");

    private static final String GIVE_HASH =
            "give the SHA-512 of the object with --sha512, or as sha512 of FETCH_SOFTWARE.";

    private final SoftwareSettings settings;
    private final AllowList allowList;
    private final ObjectSource source;
    private final @Nullable SoftwareSignature signature;

    /**
     * What came of a fetch.
     *
     * @param isNew false where exactly this was installed and in use already
     * @param removed what was installed before and is not any more
     */
    public record Fetched(InstalledVersion version, boolean isNew, List<InstalledVersion> removed) {
        public Fetched {
            removed = List.copyOf(removed);
        }
    }

    /** What is known before the installation. */
    private record Checked(String sha512, Path file) {}

    SoftwareFetcher(
            SoftwareSettings settings,
            AllowList allowList,
            ObjectSource source,
            @Nullable SoftwareSignature signature) {
        this.settings = settings;
        this.allowList = allowList;
        this.source = source;
        this.signature = signature;
    }

    /**
     * As the configuration says.
     *
     * @throws SoftwareException when a file of it cannot be used, or the region is not known
     */
    public static SoftwareFetcher open(SoftwareSettings settings, AwsSettings aws)
            throws SoftwareException, InterruptedException {
        return open(settings, aws, null);
    }

    /**
     * The same for one address: with a mirror, the region that it tells does where none is configured.
     *
     * @param address null if none is given
     */
    public static SoftwareFetcher open(SoftwareSettings settings, AwsSettings aws, @Nullable String address)
            throws SoftwareException, InterruptedException {
        Optional<String> told = settings.mirrorDirectory().isPresent() && address != null
                ? AllowList.regionOf(address)
                : Optional.empty();
        Optional<String> region = aws.region().or(() -> told);
        List<Rule> rules = rulesOf(settings);
        AllowList.requireSome(rules); // before the region is asked for
        AllowList allowList = AllowList.of(
                rules,
                region.isPresent() ? region.get() : regionOfInstance(),
                new AllowList.Hosts(
                        aws.useFips(),
                        aws.useDualStack(),
                        settings.vpcEndpoint().orElse(null)));
        SoftwareSignature signature = settings.signingKeyFile().isEmpty()
                ? null
                : SoftwareSignature.by(settings.signingKeyFile().get());
        if (settings.mirrorDirectory().isPresent()) {
            ObjectSource mirror = new MirrorObjects(settings.mirrorDirectory().get());
            return new SoftwareFetcher(settings, allowList, mirror, signature);
        }
        try {
            ObjectSource s3 = new S3Objects(
                    allowList,
                    HttpsTrust.of(aws.caFile()),
                    settings.allowPrivateAddresses() || settings.vpcEndpoint().isPresent(),
                    settings.signRequests() ? Credentials.of(aws.credentials()) : null);
            return new SoftwareFetcher(settings, allowList, s3, signature);
        } catch (IOException e) {
            throw new SoftwareException(
                    Kind.DISK, String.valueOf(e.getMessage()), "Correct aws.ca-file, or leave it empty.", e);
        }
    }

    private static List<Rule> rulesOf(SoftwareSettings settings) throws SoftwareException {
        try {
            return AllowListFile.read(settings.allowList());
        } catch (ConfigException e) {
            throw new SoftwareException(
                    Kind.DISK,
                    e.lines().getFirst(),
                    "Correct the file of software.allow-list; check-config tells all that is wrong with it.",
                    e);
        }
    }

    private static String regionOfInstance() throws SoftwareException, InterruptedException {
        try (InstanceMetadata metadata = new InstanceMetadata(InstanceMetadata.configuredAddress())) {
            return metadata.region();
        } catch (IOException e) {
            throw new SoftwareException(
                    Kind.NO_REGION,
                    "the region of this server is not known: " + e.getMessage(),
                    "Set aws.region, or allow IMDSv2, in a container with a hop limit of 2.",
                    e);
        }
    }

    /**
     * What is to be fetched, from bucket and key.
     *
     * @param name under which it is installed; null for the last part of the key
     * @throws SoftwareException where it is not allowed
     */
    public FetchRequest request(
            String bucket,
            String key,
            @Nullable String name,
            @Nullable String version,
            @Nullable String sha512,
            @Nullable String signatureText)
            throws SoftwareException {
        return FetchRequest.of(allowList.object(bucket, key), name, version, sha512, signatureText);
    }

    /** The same from an address, {@code https://HOST/KEY}. */
    public FetchRequest request(
            String address,
            @Nullable String name,
            @Nullable String version,
            @Nullable String sha512,
            @Nullable String signatureText)
            throws SoftwareException {
        return FetchRequest.of(allowList.object(address), name, version, sha512, signatureText);
    }

    /** Who tells how far a fetch is. */
    public FetchProgress watch(FetchRequest request, Consumer<FetchProgress.Progress> told) {
        return new FetchProgress(request, source.words(), told);
    }

    /** Fetches and installs, unless exactly this is in use already. */
    public Fetched fetch(FetchRequest request, FetchProgress progress) throws SoftwareException, InterruptedException {
        return fetch(request, (FetchListener) progress);
    }

    Fetched fetch(FetchRequest request, FetchListener listener) throws SoftwareException, InterruptedException {
        try (SoftwareStore store = SoftwareStore.open(settings.directory())) {
            store.requireRoom(request.name());
            TrustedName before = store.trusted(request.name());
            if (before != null) {
                before.requireNotOlder(request.name(), request.version(), request.sha512());
            }
            Checked checked = withinTimeout(request, () -> check(store, request, listener));
            if (checked == null) {
                return new Fetched(Objects.requireNonNull(before).currentVersion(), false, List.of());
            }
            InstalledVersion installed =
                    store.install(request, checked.sha512(), signature != null, checked.file(), listener);
            TrustedName after = Objects.requireNonNull(store.trusted(request.name()));
            return new Fetched(installed, true, before == null ? List.of() : before.notIn(after));
        } catch (SoftwareException e) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            throw e;
        }
    }

    private <T> T withinTimeout(FetchRequest request, Callable<T> task) throws SoftwareException, InterruptedException {
        Duration timeout = settings.timeout();
        try (ExecutorService thread = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("software-fetch").factory())) {
            Future<T> done = thread.submit(task);
            try {
                return done.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                throw new SoftwareException(
                        Kind.TIMEOUT,
                        request.words() + " was not fetched within software.timeout-seconds=" + timeout.toSeconds(),
                        "Fetch again, it carries on from where it is; or raise software.timeout-seconds, if the line is slow.",
                        e);
            } catch (ExecutionException e) {
                switch (e.getCause()) {
                    case SoftwareException refused -> throw refused;
                    case InterruptedException interrupted -> throw interrupted;
                    case null, default -> throw new IllegalStateException("a fetch failed by a fault of ours", e);
                }
            } finally {
                done.cancel(true);
            }
        }
    }

    /** Null where exactly this is in use already. */
    private @Nullable Checked check(SoftwareStore store, FetchRequest request, FetchListener listener)
            throws SoftwareException, InterruptedException {
        listener.step(FetchStep.HASH);
        String sha512 = request.sha512() == null ? publishedHash(request) : request.sha512();
        TrustedName before = store.trusted(request.name());
        if (before != null) {
            before.requireNotOlder(request.name(), request.version(), sha512);
        }
        if (signature != null) {
            signature.verify(request, sha512, signatureOf(request));
        }
        if (before != null && isInUse(before.currentVersion(), request, sha512)) {
            return null;
        }
        listener.step(FetchStep.DOWNLOAD);
        try {
            Path file = new Download(source, store, request, sha512, settings.bytesMax(), listener).run();
            listener.step(FetchStep.DOWNLOADED);
            return new Checked(sha512, file);
        } catch (SoftwareException e) {
            discardUseless(store, request, e);
            throw e;
        }
    }

    private boolean isInUse(InstalledVersion current, FetchRequest request, String sha512) {
        return current.sha512().equals(sha512)
                && Objects.equals(current.version(), request.version())
                && (signature == null || current.signed())
                && SoftwareStore.faultOf(settings.directory(), request.name(), current) == null;
    }

    /** What is refused would be refused again, and no bytes are not worth to be carried on with. */
    private static void discardUseless(SoftwareStore store, FetchRequest request, SoftwareException failure) {
        try {
            Path incoming = store.incoming(request.name());
            Path bytes = incoming.resolve(Download.FILE);
            boolean isEmpty = !Files.exists(bytes) || Files.size(bytes) == 0;
            if (isEmpty || failure.kind().remedy() == SoftwareException.Remedy.REQUEST) {
                DurableFiles.delete(incoming);
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private String publishedHash(FetchRequest request) throws SoftwareException, InterruptedException {
        String bucket = allowList.hashesOf(request.object().bucket());
        if (bucket == null) {
            throw new SoftwareException(
                    Kind.HASH_NEEDED,
                    "bucket " + request.object().bucket() + " has no bucket of hashes, and no sha512 was given for "
                            + request.object().key(),
                    "Ask whoever publishes it for its hash, and " + GIVE_HASH);
        }
        ObjectName name = request.object().beside(bucket, ".sha512");
        return hashIn(small(name, Kind.HASH_MISSING), name);
    }

    /** The hash that an object holds. */
    static String hashIn(byte[] bytes, ObjectName name) throws SoftwareException {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        Matcher hash = HASH.matcher(text);
        if (!hash.matches()) {
            throw new SoftwareException(
                    Kind.HASH_MALFORMED,
                    name + " holds " + PeerText.value(text.strip())
                            + "; allowed: 128 hexadecimal digits, or the line that sha512sum writes of one file",
                    "Ask whoever publishes the object for a sound hash, or " + GIVE_HASH);
        }
        return hash.group(1).toLowerCase(Locale.ROOT);
    }

    private byte[] signatureOf(FetchRequest request) throws SoftwareException, InterruptedException {
        if (request.signature() != null) {
            return Base64.getDecoder().decode(request.signature());
        }
        String hashes = allowList.hashesOf(request.object().bucket());
        String bucket = hashes == null ? request.object().bucket() : hashes;
        return small(request.object().beside(bucket, ".sig"), Kind.SIGNATURE_MISSING);
    }

    private byte[] small(ObjectName name, Kind missing) throws SoftwareException, InterruptedException {
        Retries retries = new Retries(Download.FAILURES_MAX);
        while (true) {
            try (OpenObject open = source.open(name, 0, null)) {
                if (open.sizeBytes() > SMALL_BYTES_MAX) {
                    throw new SoftwareException(
                            Kind.TOO_LARGE,
                            name + " has " + open.sizeBytes() + " bytes; allowed: " + SMALL_BYTES_MAX,
                            "Ask whoever publishes the object for a sound hash and signature.");
                }
                byte[] bytes = open.body().readNBytes(SMALL_BYTES_MAX);
                if (bytes.length == open.sizeBytes()) {
                    return bytes;
                }
                throw new IOException("the body ends after " + bytes.length + " of " + open.sizeBytes() + " bytes");
            } catch (SoftwareException e) {
                throw e.kind() == Kind.OBJECT_MISSING ? missing(missing, e) : e;
            } catch (IOException e) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                retries.failed(Retries.unreachable(name, source, e), false);
            }
        }
    }

    private static SoftwareException missing(Kind kind, SoftwareException e) {
        return kind == Kind.HASH_MISSING
                ? new SoftwareException(
                        kind,
                        "no hash, without which nothing is installed: " + e.sentence(),
                        e.nextAction() + " Or " + GIVE_HASH,
                        e)
                : new SoftwareException(
                        kind,
                        "no signature, which software.signing-key-file asks for: " + e.sentence(),
                        "Publish the signature beside the hash, or give it with --signature, or as signature of FETCH_SOFTWARE.",
                        e);
    }

    @Override
    public void close() {
        source.close();
    }
}
