package org.replicationserver.agent;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.listener.TlsEngine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that say who this agent is, and to which server it goes. */
final class PeerOptions {
    static final String SERVER = "--server";

    @Option(
            names = SERVER,
            paramLabel = "HOST[:PORT]",
            description = "The replication server; an IPv6 address in brackets. Default PORT: 1500. This or "
                    + ControlPlaneOptions.ENDPOINT + " is required. Default: none.")
    private @Nullable String server;

    @Mixin
    private ControlPlaneOptions controlPlane = new ControlPlaneOptions();

    @Option(
            names = "--source-server-id",
            required = true,
            paramLabel = "ID",
            description = "Id of this source server, as assigned: 1 to 128 of A-Z a-z 0-9 . _ -.")
    private String sourceServerId = "";

    @Option(
            names = "--identity",
            required = true,
            paramLabel = "DIR",
            description = "Directory of this agent's key and certificate, see 'agent identity'; made if there is none.")
    private Path identity = Path.of("");

    @Option(
            names = "--server-pin",
            paramLabel = "PIN",
            description =
                    "Pin that the server may show, sha256: and 64 hexadecimal digits; repeatable. With --server this or"
                            + " --server-pin-file is required; with --control-plane neither is allowed. Default: none.")
    private List<String> serverPins = new ArrayList<>();

    @Option(
            names = "--server-pin-file",
            paramLabel = "FILE",
            description =
                    "File with a pin on each line, read again at each connect, so that a replaced server is accepted."
                            + " Default: none.")
    private @Nullable Path serverPinFile;

    @Option(
            names = "--tls-engine",
            paramLabel = "ENGINE",
            defaultValue = "auto",
            description = "auto, openssl or jdk; auto is openssl (BoringSSL) where its native library loads. Default:"
                    + " ${DEFAULT-VALUE}.")
    private TlsEngine tlsEngine = TlsEngine.AUTO;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    String sourceServerId() {
        return checked("--source-server-id", () -> AgentOptions.requireSourceServerId(sourceServerId));
    }

    Path identity() {
        return identity;
    }

    TlsEngine tlsEngine() {
        try {
            tlsEngine.resolve();
        } catch (IllegalStateException e) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--tls-engine: openssl does not load on this machine, allowed are auto, jdk",
                    e);
        }
        return tlsEngine;
    }

    ServerLookup serverLookup() {
        String given = server;
        if (controlPlane.isGiven()) {
            if (given != null || !serverPins.isEmpty() || serverPinFile != null) {
                throw wrong(ControlPlaneOptions.ENDPOINT + ": not together with " + SERVER + " and its pins");
            }
            try {
                return controlPlane.lookup();
            } catch (IllegalArgumentException e) {
                throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
            }
        }
        if (given == null) {
            throw wrong(SERVER + ": missing; this or " + ControlPlaneOptions.ENDPOINT + " is required");
        }
        return new GivenServer(checked(SERVER + ": '" + given + "'", () -> ServerAddress.parse(given)), pins());
    }

    private ServerPins pins() {
        Set<Pin> given = new HashSet<>();
        serverPins.forEach(text -> given.add(checked("--server-pin: '" + text + "'", () -> Pin.parse(text))));
        ServerPins pins = new ServerPins(given, serverPinFile);
        try {
            if (pins.read().isEmpty()) {
                throw wrong("--server-pin: none is given, and --server-pin-file has none; with " + SERVER
                        + " one of them is required");
            }
        } catch (IOException e) {
            throw new ParameterException(spec.commandLine(), "--server-pin-file: cannot be read: " + e.getMessage(), e);
        }
        return pins;
    }

    private <T> T checked(String what, Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), what + ": " + e.getMessage(), e);
        }
    }

    private ParameterException wrong(String line) {
        return new ParameterException(spec.commandLine(), line);
    }
}
