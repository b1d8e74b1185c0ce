package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DefaultConfigTest {
    private static final Path SHIPPED = Path.of("..", "deploy", "config", "replication-server.yaml");

    @TempDir
    private Path directory = Path.of("");

    @Test
    void shippedFileIsWhatTheCommandPrints() throws Exception {
        assertThat(SHIPPED)
                .as("./run default-config > deploy/config/replication-server.yaml brings the file up to date")
                .hasContent(DefaultConfig.toYaml());
    }

    @Test
    void shippedFileChangesNothing() throws Exception {
        assertThat(ConfigLoader.load(SHIPPED, Map.of(), List.of()).toServerConfig())
                .isEqualTo(ConfigLoader.load(null, Map.of(), List.of()).toServerConfig());
    }

    @Test
    void everyKeyOfTheFileIsSetByItOrFollowsAnother() throws Exception {
        EffectiveConfig config = ConfigLoader.load(SHIPPED, Map.of(), List.of());
        for (ConfigKey<?> key : ConfigKeys.all()) {
            assertThat(config.origin(key))
                    .as(key.name())
                    .isEqualTo(
                            key.defaultParent() == null
                                    ? SHIPPED + ":" + lineOf(key.name() + ": ")
                                    : EffectiveConfig.DEFAULT_ORIGIN);
            assertThat(Files.readString(SHIPPED))
                    .contains("# " + key.doc())
                    .contains(key.type().allowed());
        }
    }

    private static int lineOf(String start) throws Exception {
        List<String> lines = Files.readAllLines(SHIPPED);
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith(start)) {
                return i + 1;
            }
        }
        throw new AssertionError("no line starts with " + start);
    }

    @Test
    void textsComeBackFromYamlAsTheyWere() throws Exception {
        for (String text : List.of(
                "::",
                "a",
                "null",
                "a: b",
                "#x",
                "\\\\.\\PhysicalDrive0",
                "a\"b",
                "\u00e4\u0007\uD83D\uDE00",
                "1.0",
                "-",
                " x ",
                "")) {
            Path file = Files.writeString(directory.resolve("t.yaml"), "key: " + YamlText.scalar(text) + "\n");
            YamlNode.Mapping top = Objects.requireNonNull(YamlFile.read(file, new Mistakes()));
            assertThat(top.entries().getFirst().value()).isEqualTo(new YamlNode.Scalar(file + ":1", text));
        }
    }
}
