package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.TestCertificates;
import org.replicationserver.receiver.software.PublicAddressTrust.PrivateAddressException;

class PublicAddressTrustTest {
    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "10.1.2.3",
                "172.16.0.1",
                "192.168.1.1",
                "169.254.169.254",
                "0.0.0.0",
                "224.0.0.1",
                "::1",
                "::",
                "fd00:ec2::254",
                "fc00::1",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "::ffff:10.1.2.3",
                "100.64.0.1",
                "100.127.255.255",
                "0.1.2.3",
                "198.19.0.1",
                "255.255.255.255",
                "64:ff9b::10.1.2.3",
                "64:ff9b::169.254.169.254"
            })
    void addressThatIsNotPublicIsNone(String address) throws Exception {
        assertThat(PublicAddressTrust.isPublic(InetAddress.getByName(address))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "52.218.0.1",
                "100.63.255.255",
                "100.128.0.1",
                "64:ff9b::52.218.0.1",
                "3.5.140.2",
                "2a05:d018::1",
                "172.32.0.1",
                "11.0.0.1"
            })
    void addressOfS3IsPublic(String address) throws Exception {
        assertThat(PublicAddressTrust.isPublic(InetAddress.getByName(address))).isTrue();
    }

    @Test
    void serverAtAPrivateAddressIsSentNothingAlthoughItsCertificateIsSound() throws Exception {
        TestCertificates certificates = new TestCertificates();
        HttpsTrust trust = HttpsTrust.of(Optional.of(certificates.writeCa(directory.resolve("ca.pem"))));
        try (HttpsStub stub = new HttpsStub(certificates.serverFor("127.0.0.1"))) {
            Duration timeout = Duration.ofSeconds(10);
            assertThat(new HttpsConnections(trust, timeout, timeout)
                            .createConnection(stub.address())
                            .getResponseCode())
                    .isEqualTo(200);

            Throwable refused =
                    catchThrowable(() -> new HttpsConnections(new PublicAddressTrust(trust), timeout, timeout)
                            .createConnection(stub.address())
                            .getResponseCode());

            assertThat(PrivateAddressException.in(refused))
                    .isNotNull()
                    .satisfies(one -> assertThat(one.address()).isEqualTo("127.0.0.1"));
            assertThat(stub.received()).hasSize(1);
        }
    }
}
