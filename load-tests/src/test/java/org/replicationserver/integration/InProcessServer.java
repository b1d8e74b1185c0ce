package org.replicationserver.integration;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigLoader;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.log.RecentLogs;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.receiver.server.ReplicationServer;
import org.replicationserver.receiver.server.ServerStartException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;

/** A server in this process, on devices and with metrics of the test. */
final class InProcessServer implements AutoCloseable {
    private final ReplicationServer server;
    private final SimpleMeterRegistry metrics;
    private final AtomicReference<@Nullable Throwable> stateFailure;

    private InProcessServer(
            ReplicationServer server, SimpleMeterRegistry metrics, AtomicReference<@Nullable Throwable> stateFailure) {
        this.server = server;
        this.metrics = metrics;
        this.stateFailure = stateFailure;
    }

    /** On image files. */
    static InProcessServer onImages(Path directory, List<TestSource> sources, String... settings)
            throws ConfigException, ServerStartException {
        return start(directory, sources, spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()), settings);
    }

    /** On the test's devices. */
    static InProcessServer start(Path directory, List<TestSource> sources, DeviceOpener devices, String... settings)
            throws ConfigException, ServerStartException {
        return start(directory, ReplicationSettings.defaults(), sources, devices, settings);
    }

    /** The same with other times and limits of what is told of replications. */
    static InProcessServer start(
            Path directory,
            ReplicationSettings replicationSettings,
            List<TestSource> sources,
            DeviceOpener devices,
            String... settings)
            throws ConfigException, ServerStartException {
        List<String> sets = new ArrayList<>(List.of(
                "listen.port=0",
                "state.directory=" + ServerProcess.stateDirectory(directory),
                "image.directory=" + ServerProcess.imageDirectory(directory),
                "session.drain-timeout-seconds=0.5"));
        sets.addAll(List.of(settings));
        ServerConfig config =
                ConfigLoader.load(null, Map.of(), withoutOverridden(sets)).toServerConfig();
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        AtomicReference<@Nullable Throwable> stateFailure = new AtomicReference<>();
        ReplicationServer server = ReplicationServer.start(
                config,
                replicationSettings,
                sources.stream().map(TestSource::assigned).toList(),
                metrics,
                stateFailure::set,
                devices);
        return new InProcessServer(server, metrics, stateFailure);
    }

    /** The newest of each key. */
    private static List<String> withoutOverridden(List<String> sets) {
        Map<String, String> newest = new LinkedHashMap<>();
        sets.forEach(set -> newest.put(set.substring(0, set.indexOf('=')), set));
        return List.copyOf(newest.values());
    }

    /** What is told of a source server's replication. */
    JsonObject info(String sourceServerId) {
        JsonArray sources = server.status().getJsonArray("sourceServers");
        for (int i = 0; i < sources.size(); i++) {
            JsonObject source = sources.getJsonObject(i);
            if (source.getString("sourceServerId").equals(sourceServerId)) {
                return source.getJsonObject("dataReplicationInfo");
            }
        }
        throw new AssertionError("no source server " + sourceServerId + " in " + sources);
    }

    /** What the administrator's socket tells of the whole server. */
    JsonObject status() {
        return server.status();
    }

    /** Ids of all source servers, in the order in which they came. */
    List<String> sourceServerIds() {
        return server.status().getJsonArray("sourceServers").stream()
                .map(source -> ((JsonObject) source).getString("sourceServerId"))
                .toList();
    }

    /** Follows the control plane of its settings. */
    InProcessServer follow() {
        server.follow(new RecentLogs());
        return this;
    }

    Endpoint endpoint() {
        return new Endpoint(server.port(), server.pin());
    }

    /** The sum of a meter over all its tags that match, 0 if it was never used. */
    double count(String name, String... tags) {
        double sum = 0;
        for (Meter meter : metrics.find(name).tags(tags).meters()) {
            sum += meter.measure().iterator().next().getValue();
        }
        return sum;
    }

    @Override
    public void close() {
        server.stop();
        Throwable failure = stateFailure.get();
        if (failure != null) {
            throw new AssertionError("the state could not be kept", failure);
        }
    }
}
