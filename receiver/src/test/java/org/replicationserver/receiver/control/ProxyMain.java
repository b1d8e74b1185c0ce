package org.replicationserver.receiver.control;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;

/** Asks what is assigned, at an address and with a file of certificates, and prints how many source servers are. */
final class ProxyMain {
    private ProxyMain() {}

    public static void main(String[] args) throws Exception {
        ControlSettings settings = new ControlSettings(
                ControlMode.HTTPS,
                Optional.of(URI.create(args[0])),
                Optional.of("i-1"),
                Duration.ofSeconds(10),
                Duration.ofSeconds(20),
                Duration.ofSeconds(30),
                1,
                0,
                Duration.ofSeconds(60),
                Duration.ofSeconds(10),
                64 << 20);
        AwsSettings aws = new AwsSettings(
                Optional.of("eu-test-1"), false, false, Optional.of(Path.of(args[1])), CredentialsSource.CHAIN);
        ReplicationServerInfo server = new ReplicationServerInfo(
                Pin.parse("sha256:" + "a".repeat(64)), null, 1500, "0.1.0", "brp/1", Instant.EPOCH);
        try (HttpControlPlane controlPlane = HttpControlPlane.open(settings, aws)) {
            AssociationsAnswer answer = controlPlane.describeAssociations(server, Duration.ofSeconds(30));
            System.out.println(
                    "assigned=" + answer.associations().associations().size());
        } catch (ControlPlaneException e) {
            System.out.println(e.kind() + " " + e.sentence());
        }
    }
}
