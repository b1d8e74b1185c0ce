package org.replicationserver.controlplane;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.net.URI;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.controlplane.AccessKey.Role;

/**
 * A control plane: a real HTTPS server that speaks the control API, with a fleet in memory. Any thread, but not an event loop.
 *
 * <p>Requests must be signed with credentials of {@link #accessKeys}, and clients must trust {@link #authority}. Whatever is not as
 * the document says is answered with ValidationException and kept in {@link #violations}, which a test should find empty.
 */
public final class ControlPlaneSimulator implements AutoCloseable {
    /** The certificate that clients must trust, as PEM in {@link SimulatorOptions#directory}. */
    public static final String AUTHORITY_FILE = ServerTls.AUTHORITY_NAME + ".cert.pem";

    private static final long TIMEOUT_SECONDS = 30;
    private static final Duration AGENT_TIMEOUT = Duration.ofSeconds(10);

    private final SimulatorOptions options;
    private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    private final Context context = vertx.getOrCreateContext();
    private final ShiftedClock clock = new ShiftedClock(InstantSource.system());
    private final AccessKeys accessKeys = new AccessKeys(clock);
    private final Faults faults = new Faults();
    private final Fleet fleet;
    private final ServerTls tls;
    private final ApiServer server;
    private int port;

    private ControlPlaneSimulator(SimulatorOptions options, ServerTls tls) {
        this.options = options;
        this.tls = tls;
        ContractChecker checker = new ContractChecker(ControlApi.load());
        this.fleet = new Fleet(clock, checker);
        this.server = new ApiServer(
                vertx,
                clock,
                tls,
                new SignatureVerifier(accessKeys, options.region()),
                checker,
                faults,
                new Operations(vertx, fleet));
        this.port = options.port();
    }

    /** Starts one on a free port of the loopback, of which nothing is kept. */
    public static ControlPlaneSimulator start() throws IOException {
        return start(SimulatorOptions.forTests());
    }

    /**
     * Starts one.
     *
     * @throws IOException if it cannot listen, or the directory cannot be used
     */
    public static ControlPlaneSimulator start(SimulatorOptions options) throws IOException {
        ControlPlaneSimulator simulator = new ControlPlaneSimulator(options, tls(options));
        try {
            simulator.comeUp();
        } catch (IOException e) {
            simulator.close();
            throw e;
        }
        return simulator;
    }

    private static ServerTls tls(SimulatorOptions options) throws IOException {
        try {
            return options.directory() == null
                    ? ServerTls.create(options.names())
                    : ServerTls.create(options.directory(), options.names());
        } catch (CertificateStoreException e) {
            throw e;
        } catch (CertificateException e) {
            throw new IOException("cannot make a certificate: " + e.getMessage(), e);
        }
    }

    /** Where clients find it: {@code https://localhost:PORT}. */
    public URI endpoint() {
        return URI.create("https://localhost:" + port());
    }

    public synchronized int port() {
        return port;
    }

    public String region() {
        return options.region();
    }

    /** The certificate that clients must trust. */
    public X509Certificate authority() {
        return tls.authority();
    }

    public AccessKeys accessKeys() {
        return accessKeys;
    }

    /** A new client with credentials of its own, as an agent has. */
    public ApiClient agentClient() {
        AccessKey key = accessKeys.issue(Role.AGENT);
        return new ApiClient(endpoint(), authority(), region(), key, Clock.systemUTC(), AGENT_TIMEOUT);
    }

    public Fleet fleet() {
        return fleet;
    }

    public Faults faults() {
        return faults;
    }

    /** What was not as the document says, requests and answers; the newest. */
    public List<ContractViolation> violations() {
        return server.violations();
    }

    /** Requests and how they were answered; the newest. */
    public List<Exchange> exchanges() {
        return server.exchanges();
    }

    /** Requests of one operation and how they were answered; the newest. */
    public List<Exchange> exchanges(String operation) {
        return exchanges().stream()
                .filter(exchange -> exchange.operation().equals(operation))
                .toList();
    }

    /** Sets its clock ahead of the machine's, or behind it by a negative duration. Requests are judged by it, and Date tells it. */
    public void shiftClock(Duration ahead) {
        clock.shift(ahead);
    }

    /** Whether answers have members that no client of today knows; unless told they have none. */
    public void addUnknownMembers(boolean added) {
        server.addUnknownMembers(added);
    }

    /** Ends all connections; from now on connections are refused. What it knows stays. */
    public void goDown() throws IOException {
        await(server::close);
    }

    /** Listens again, on the same port. */
    public synchronized void comeUp() throws IOException {
        int wanted = port;
        port = await(() -> server.listen(options.host(), wanted));
    }

    /** An interrupt ends only the wait for the end. */
    @Override
    public void close() {
        try {
            await(vertx::close);
        } catch (IOException e) {
            if (!Thread.currentThread().isInterrupted()) {
                throw new IllegalStateException("cannot close", e);
            }
        }
    }

    private <T> T await(Supplier<Future<T>> step) throws IOException {
        Promise<T> promise = Promise.promise();
        context.runOnContext(_ -> step.get().onComplete(promise));
        try {
            return promise.future().toCompletionStage().toCompletableFuture().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | CompletionException e) {
            throw new IOException(String.valueOf(e.getCause()), e);
        } catch (TimeoutException e) {
            throw new IOException("no end within " + TIMEOUT_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
