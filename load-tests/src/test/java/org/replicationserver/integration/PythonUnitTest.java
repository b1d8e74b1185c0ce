package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tests of the Python client and of the conformance runner, among them broken peers that must be told what they break. */
final class PythonUnitTest {
    private static final String TESTS =
            Path.of(System.getProperty("basedir", "."), "src", "test", "python").toString();

    private static void run(String module, boolean all) throws Exception {
        Commands.assumeInstalled("python3");
        Commands.assumeInstalled("openssl");
        Commands.Result result = Commands.run(List.of(
                "env",
                "PYTHONPATH=" + TESTS,
                "PYTHONDONTWRITEBYTECODE=1",
                "CONFORMANCE_LONG=" + (all ? "1" : "0"),
                "python3",
                "-m",
                "unittest",
                module));
        assertThat(result.exitCode()).as(result.output()).isZero();
    }

    @ParameterizedTest
    @Timeout(300)
    @ValueSource(
            strings = {
                "test_brp_client",
                "test_conformance.SpecificationTest",
                "test_conformance.ReportTest",
                "test_conformance.CommandLineTest",
                "test_conformance.AgainstServersTest.test_a_right_server_passes",
                "test_conformance.AgainstServersTest.test_server_that_accepts_a_wrong_crc",
                "test_conformance.AgainstServersTest.test_another_server_or_another_source_server_than_named_is_one_line",
                "test_conformance.AgainstServersTest.test_no_server_where_it_should_be_is_one_line",
                "test_conformance.AgainstServersTest.test_signal_ends_with_what_was_played",
                "test_conformance.AgainstAgentsTest.test_other_bytes_than_the_image_has"
            })
    void pythonTestsPass(String module) throws Exception {
        run(module, false);
    }

    @ParameterizedTest
    @Tag("long")
    @Timeout(600)
    @ValueSource(
            strings = {
                "test_conformance.AgainstServersTest",
                "test_conformance.AgainstOperatedServersTest",
                "test_conformance.AgainstAgentsTest"
            })
    void pythonTestsPassWithEveryRowAndFault(String module) throws Exception {
        run(module, true);
    }
}
