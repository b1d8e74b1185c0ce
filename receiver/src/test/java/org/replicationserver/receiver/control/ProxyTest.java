package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.ChildJvm;
import org.replicationserver.receiver.aws.ConnectProxy;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.aws.TestCertificates;

/** What the environment says of proxies, in a process of its own, since it is read once. */
final class ProxyTest {
    private static final TestCertificates CERTIFICATES = new TestCertificates();

    @TempDir
    private Path directory = Path.of("");

    private String outputOf(HttpsStub stub, Map<String, String> environment) throws Exception {
        Path ca = CERTIFICATES.writeCa(directory.resolve("ca.pem"));
        Map<String, String> all = new HashMap<>(environment);
        all.put("AWS_ACCESS_KEY_ID", "AKIDTEST");
        all.put("AWS_SECRET_ACCESS_KEY", "SECRETTEST");
        Process process = ChildJvm.start(ProxyMain.class, all, stub.address().toString(), ca.toString());
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            return out.lines().reduce("", (before, line) -> line);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void httpsProxyIsUsedUnlessNoProxySaysOtherwise() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy(null)) {
            String address = "http://" + proxy.address();
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", address))).isEqualTo("assigned=0");
            assertThat(proxy.asked()).containsExactly("CONNECT allowed");
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", address, "NO_PROXY", "127.0.0.1")))
                    .isEqualTo("assigned=0");
            assertThat(proxy.asked()).as("past it").hasSize(1);
        }
    }

    @Test
    void proxyIsToldItsPasswordAndTheControlPlaneIsNot() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy("user:secret")) {
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", "http://user:secret@" + proxy.address())))
                    .isEqualTo("assigned=0");
            assertThat(proxy.asked()).containsExactly("CONNECT refused", "CONNECT allowed");
            assertThat(stub.received())
                    .hasSize(1)
                    .first()
                    .satisfies(request -> assertThat(request.headers()).doesNotContainKey("proxy-authorization"));
        }
    }

    @Test
    void wrongPasswordIsGivenOnceAndTheSentenceNamesTheProxyAlone() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy("user:secret")) {
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", "http://user:wrong@" + proxy.address())))
                    .contains("UNREACHABLE", "through the proxy " + proxy.address(), "407")
                    .doesNotContain("wrong");
            assertThat(proxy.asked()).containsExactly("CONNECT refused", "CONNECT refused");
            assertThat(stub.received()).isEmpty();
        }
    }

    @Test
    void proxyOfTheJvmIsUsedAsWell() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy(null)) {
            String properties = "-Dhttps.proxyHost=" + proxy.address().replace(":", " -Dhttps.proxyPort=");
            assertThat(outputOf(stub, Map.of("JAVA_TOOL_OPTIONS", properties))).isEqualTo("assigned=0");
            assertThat(proxy.asked()).containsExactly("CONNECT allowed");
        }
    }

    @Test
    void proxyThatIsNotThereIsNamed() throws Exception {
        try (HttpsStub stub = stub()) {
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", "http://127.0.0.1:1")))
                    .contains("CONNECTION_REFUSED", "through the proxy 127.0.0.1:1");
        }
    }

    private static HttpsStub stub() throws Exception {
        HttpsStub stub = new HttpsStub(CERTIFICATES.serverFor("127.0.0.1"));
        stub.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
        return stub;
    }
}
