package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.SoftwareSettings;
import org.replicationserver.receiver.software.FetchProgress.Progress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The software of a running server: fetches one object at a time, logs how far it is, and tells how the newest fetch stands. Any thread;
 * a fetch blocks its caller, also for as long as another one, or the mending of the beginning, has the store.
 *
 * <p>Nothing is connected or loaded before the first fetch.
 */
public final class SoftwareService {
    private static final Logger LOG = LoggerFactory.getLogger(SoftwareService.class);
    private static final Duration INSTALL_TIMEOUT_MIN = Duration.ofMinutes(5);

    /** An object is read again from a disk that does at least so much. */
    private static final long INSTALL_BYTES_PER_SECOND = 20_000_000;

    private final SoftwareSettings settings;
    private final AwsSettings aws;
    private final Consumer<FetchState> listener;

    /** The store is open for one at a time, and this server's own need not be refused to each other. */
    private final ReentrantLock storeTurn = new ReentrantLock();

    private volatile @Nullable FetchProgress underWay;
    private volatile @Nullable FetchState newest;

    /** An object, and what is asked of it, as a command has it. */
    public record Order(
            String bucket,
            String key,
            @Nullable String name,
            @Nullable String version,
            @Nullable String sha512,
            @Nullable String signature) {}

    /**
     * How the newest fetch stands. Immutable.
     *
     * @param object bucket and key that were asked for; empty for what an earlier process has installed
     * @param failure null while it is under way and where it has succeeded
     * @param isDone whether it has ended
     */
    public record FetchState(
            String object, boolean isDone, @Nullable SoftwareException failure) {}

    /**
     * Nothing is opened yet.
     *
     * @param listener told when a fetch begins and ends, on its thread
     */
    public SoftwareService(SoftwareSettings settings, AwsSettings aws, Consumer<FetchState> listener) {
        this.settings = settings;
        this.aws = aws;
        this.listener = listener;
    }

    /** What a fetch takes at most, with its installation. */
    public Duration fetchTimeout() {
        return settings.timeout().plus(INSTALL_TIMEOUT_MIN).plusSeconds(settings.bytesMax() / INSTALL_BYTES_PER_SECOND);
    }

    /**
     * Fetches and installs.
     *
     * @return the installed version, with its name
     * @throws InterruptedException when the server stops; what is there by then is carried on with
     */
    public JsonObject fetch(Order order) throws SoftwareException, InterruptedException {
        storeTurn.lockInterruptibly();
        try {
            return fetchNow(order);
        } finally {
            storeTurn.unlock();
        }
    }

    private JsonObject fetchNow(Order order) throws SoftwareException, InterruptedException {
        String what = order.bucket() + "/" + order.key();
        tell(new FetchState(what, false, null));
        try (SoftwareFetcher fetcher = SoftwareFetcher.open(settings, aws)) {
            FetchRequest request = fetcher.request(
                    order.bucket(), order.key(), order.name(), order.version(), order.sha512(), order.signature());
            FetchProgress progress = fetcher.watch(request, SoftwareService::log);
            underWay = progress;
            SoftwareFetcher.Fetched fetched = fetcher.fetch(request, progress);
            LOG.atInfo()
                    .addKeyValue("name", request.name())
                    .addKeyValue("version", fetched.version().words())
                    .addKeyValue("bytes", fetched.version().sizeBytes())
                    .addKeyValue("signed", fetched.version().signed())
                    .addKeyValue(
                            "removed",
                            fetched.removed().stream()
                                    .map(InstalledVersion::words)
                                    .toList())
                    .log(fetched.isNew() ? "software installed" : "software was installed before");
            tell(new FetchState(what, true, null));
            return SoftwareJson.of(fetched.version())
                    .put("name", request.name())
                    .put("new", fetched.isNew());
        } catch (SoftwareException e) {
            LOG.atWarn()
                    .addKeyValue("object", what)
                    .addKeyValue("kind", e.kind())
                    .addKeyValue("cause", e.sentence())
                    .addKeyValue("nextAction", e.nextAction())
                    .log("software not fetched");
            tell(new FetchState(what, true, e));
            throw e;
        } finally {
            underWay = null;
        }
    }

    private void tell(FetchState state) {
        newest = state;
        listener.accept(state);
    }

    private static void log(Progress progress) {
        LOG.atInfo()
                .addKeyValue("name", progress.request().name())
                .addKeyValue("object", progress.request().object())
                .addKeyValue("source", progress.source())
                .addKeyValue("bytes", progress.bytes())
                .addKeyValue("sizeBytes", progress.sizeBytes())
                .addKeyValue("percent", progress.percent())
                .log("fetching software");
    }

    /** How far a fetch is, and why the newest one failed; empty where there is nothing to say. What is installed is on the disk. */
    public JsonObject status() {
        JsonObject status = new JsonObject();
        FetchProgress fetching = underWay;
        if (fetching != null) {
            status.put("fetch", SoftwareJson.of(fetching.now()));
        }
        FetchState state = newest;
        if (state != null && state.failure() != null) {
            status.put("lastFailure", SoftwareJson.of(state.failure()).put("object", state.object()));
        }
        return status;
    }

    /**
     * Mends what an earlier process has left half done, if there is a store at all, and tells of what it has; on a thread of its own, since
     * nothing waits for it.
     */
    public void begin() {
        if (Files.exists(settings.directory())) {
            Thread.ofVirtual().name("software-mend").start(this::mend);
        }
    }

    private void mend() {
        storeTurn.lock();
        try {
            if (SoftwareStore.mend(settings.directory())) {
                tell(new FetchState("", true, null));
            }
        } catch (SoftwareException e) {
            LOG.atWarn()
                    .addKeyValue("kind", e.kind())
                    .addKeyValue("cause", e.sentence())
                    .addKeyValue("nextAction", e.nextAction())
                    .log("software that was fetched before cannot be looked at");
        } finally {
            storeTurn.unlock();
        }
    }
}
