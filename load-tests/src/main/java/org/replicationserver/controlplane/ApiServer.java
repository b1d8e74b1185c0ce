package org.replicationserver.controlplane;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.core.net.impl.ConnectionBase;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.Operations.Answer;
import org.replicationserver.controlplane.Operations.Caller;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTPS side of the simulator. Confined to the event loop, but for the logs, which any thread may read.
 *
 * <p>A request goes through: the fault that is in force, the signature, the contract, its operation, the contract again for the
 * answer.
 */
final class ApiServer {
    private static final Logger LOG = LoggerFactory.getLogger(ApiServer.class);
    private static final int BODY_BYTES_MAX = 4 * 1024 * 1024;
    private static final int NAME_CHARS_MAX = 128;
    private static final int VIOLATIONS_MAX = 1000;
    private static final int EXCHANGES_MAX = 50_000;
    private static final long CHARS_MAX = 32L * 1024 * 1024;
    private static final int OK = 200;
    private static final Set<String> PROTOCOLS = Set.of("TLSv1.2", "TLSv1.3");
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter.RFC_1123_DATE_TIME.withZone(ZoneOffset.UTC);

    private final Vertx vertx;
    private final ShiftedClock clock;
    private final ServerTls tls;
    private final SignatureVerifier signatures;
    private final ContractChecker checker;
    private final Faults faults;
    private final Operations operations;
    private @Nullable HttpServer server;
    private volatile boolean unknownMembers;

    // under the lock of this
    private final BoundedLog<ContractViolation> violations = new BoundedLog<>(VIOLATIONS_MAX, CHARS_MAX);
    private final BoundedLog<Exchange> exchanges = new BoundedLog<>(EXCHANGES_MAX, CHARS_MAX);

    ApiServer(
            Vertx vertx,
            ShiftedClock clock,
            ServerTls tls,
            SignatureVerifier signatures,
            ContractChecker checker,
            Faults faults,
            Operations operations) {
        this.vertx = vertx;
        this.clock = clock;
        this.tls = tls;
        this.signatures = signatures;
        this.checker = checker;
        this.faults = faults;
        this.operations = operations;
    }

    /** Begins to listen; completes with the port. */
    Future<Integer> listen(String host, int port) {
        HttpServerOptions options = new HttpServerOptions()
                .setSsl(true)
                .setUseAlpn(false)
                .setKeyCertOptions(KeyCertOptions.wrap(tls.keys()))
                .setEnabledSecureTransportProtocols(PROTOCOLS);
        HttpServer created = vertx.createHttpServer(options).requestHandler(this::receive);
        server = created;
        return created.listen(port, host).map(HttpServer::actualPort);
    }

    /** Ends all connections and listens no more. */
    Future<Void> close() {
        HttpServer current = server;
        server = null;
        return current == null ? Future.succeededFuture() : current.close();
    }

    void addUnknownMembers(boolean added) {
        unknownMembers = added;
    }

    synchronized List<ContractViolation> violations() {
        return violations.newest();
    }

    synchronized List<Exchange> exchanges() {
        return exchanges.newest();
    }

    private void receive(HttpServerRequest request) {
        Buffer body = Buffer.buffer();
        Call call = new Call(request);
        request.handler(part -> {
            if (body.length() <= BODY_BYTES_MAX) {
                body.appendBuffer(part);
            }
        });
        request.endHandler(_ -> call.run(body.getBytes()));
    }

    private synchronized void note(ContractViolation violation) {
        LOG.warn("{}", violation);
        violations.add(violation, violation.toString().length());
    }

    private synchronized void note(Exchange exchange) {
        exchanges.add(exchange, exchange.operation().length());
    }

    /** One request. */
    private final class Call {
        private final HttpServerRequest request;
        private final String path;
        private final String operation;
        private final Instant receivedAt = clock.instant();
        private final String requestId = UUID.randomUUID().toString();
        private @Nullable Fault fault;

        Call(HttpServerRequest request) {
            this.request = request;
            String path = Objects.requireNonNullElse(request.path(), "/");
            this.path = path;
            this.operation = path.substring(Math.min(1, path.length()), Math.min(NAME_CHARS_MAX, path.length()));
        }

        void run(byte[] body) {
            Fault injected = faults.take(operation);
            fault = injected;
            if (injected == null) {
                take(body);
                return;
            }
            switch (injected.kind()) {
                case DELAY -> vertx.setTimer(Math.max(1, injected.delay().toMillis()), _ -> take(body));
                case HANG -> noAnswer();
                case RESET -> {
                    noAnswer();
                    reset();
                }
                case ERROR -> sendInjected(injected);
                case LOSE_ANSWER, TRUNCATE_ANSWER, GARBLE_ANSWER -> take(body);
            }
        }

        private void sendInjected(Fault injected) {
            ErrorCode error = Objects.requireNonNullElse(injected.error(), ErrorCode.INTERNAL_SERVER);
            if (injected.retryAfterSeconds() >= 0) {
                request.response().putHeader("Retry-After", String.valueOf(injected.retryAfterSeconds()));
            }
            sendError(error, "injected");
        }

        private void take(byte[] body) {
            try {
                requireSize(body);
                Caller caller = caller(body);
                operations.call(operation, check(body), caller).onComplete(this::succeeded, this::failed);
            } catch (ApiException e) {
                failed(e);
            }
        }

        private Caller caller(byte[] body) throws ApiException {
            AccessKey key = signatures.verify(path, request.headers(), body, clock.instant());
            return new Caller(key.role(), request.remoteAddress().hostAddress(), closed());
        }

        private Future<Void> closed() {
            Promise<Void> closed = Promise.promise();
            request.connection().closeHandler(_ -> closed.tryComplete());
            return closed.future();
        }

        private void requireSize(byte[] body) throws ApiException {
            if (body.length > BODY_BYTES_MAX) {
                throw violation("more than " + BODY_BYTES_MAX + " bytes", "at most so many");
            }
        }

        private JsonObject check(byte[] body) throws ApiException {
            JsonObject json;
            if (!request.method().equals(HttpMethod.POST)) {
                throw violation("method " + request.method(), "POST");
            }
            try {
                json = new JsonObject(Buffer.buffer(body));
            } catch (DecodeException | ClassCastException e) {
                throw violation("no JSON object", "a JSON object");
            }
            List<ContractViolation> found = checker.checkRequest(operation, request.headers()::get, json);
            found.forEach(ApiServer.this::note);
            if (!found.isEmpty()) {
                throw new ApiException(
                        ErrorCode.VALIDATION,
                        String.join(
                                ", ",
                                found.stream().map(ContractViolation::message).toList()));
            }
            return json;
        }

        private ApiException violation(String problem, String allowed) {
            ContractViolation violation = new ContractViolation(operation, "request", "", problem, allowed);
            note(violation);
            return new ApiException(ErrorCode.VALIDATION, violation.message());
        }

        private void succeeded(Answer answer) {
            send(OK, answer, null);
        }

        private void failed(Throwable failure) {
            if (failure instanceof ApiException refusal) {
                sendError(refusal.error(), String.valueOf(refusal.getMessage()));
            } else {
                LOG.error("{} failed", operation, failure);
                sendError(ErrorCode.INTERNAL_SERVER, failure.toString());
            }
        }

        private void sendError(ErrorCode error, String message) {
            JsonObject body = new JsonObject().put("code", error.code()).put("message", message);
            send(error.status(), new Answer(body, body), error);
        }

        private void send(int status, Answer answer, @Nullable ErrorCode error) {
            HttpServerResponse response = request.response();
            if (response.closed()) {
                noAnswer();
                return;
            }
            MultiMap headers = response.setStatusCode(status).headers();
            headers.set("x-amzn-RequestId", requestId).set("Date", HTTP_DATE.format(clock.instant()));
            headers.set("Content-Type", "application/json");
            if (error != null) {
                headers.set("x-amzn-ErrorType", error.code());
            }
            if (checker.knows(operation)) {
                checker.checkAnswer(operation, status, headers::get, answer.checkable())
                        .forEach(ApiServer.this::note);
            }
            JsonObject body = unknownMembers ? UnknownMembers.addTo(answer.body()) : answer.body();
            sendBody(status, response, body.toBuffer());
        }

        private void sendBody(int status, HttpServerResponse response, Buffer body) {
            Fault.Kind kind = fault == null ? null : fault.kind();
            if (kind == Fault.Kind.LOSE_ANSWER) {
                noAnswer();
                request.connection().close();
            } else if (kind == Fault.Kind.TRUNCATE_ANSWER) {
                noAnswer();
                response.putHeader("Content-Length", String.valueOf(body.length()));
                response.write(body.slice(0, body.length() / 2))
                        .onComplete(_ -> request.connection().close());
            } else if (kind == Fault.Kind.GARBLE_ANSWER) {
                noAnswer();
                response.putHeader("Content-Type", "text/html").end("<html>please log in</html>");
            } else {
                noteExchange(status);
                response.end(body);
            }
        }

        private void noAnswer() {
            noteExchange(0);
        }

        private void noteExchange(int status) {
            note(new Exchange(
                    receivedAt,
                    operation,
                    requestId,
                    request.getHeader("amz-sdk-invocation-id"),
                    request.getHeader("amz-sdk-request"),
                    status,
                    fault == null ? null : fault.kind()));
        }

        /** Behind the back of TLS, which would say that it is the end; the peer sees a reset. */
        private void reset() {
            Channel channel = ((ConnectionBase) request.connection()).channel();
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
            channel.pipeline().firstContext().close();
        }
    }
}
