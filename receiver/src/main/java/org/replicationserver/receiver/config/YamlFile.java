package org.replicationserver.receiver.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.YamlNode.Entry;
import org.replicationserver.receiver.config.YamlNode.Mapping;
import org.replicationserver.receiver.config.YamlNode.NoValue;
import org.replicationserver.receiver.config.YamlNode.Scalar;
import org.replicationserver.receiver.config.YamlNode.Sequence;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads a YAML file of one document whose top is a map: plain data, no anchors, no key twice. Mistakes are collected, never
 * thrown.
 */
final class YamlFile {
    private static final int BYTES_MAX = 2 << 20;

    private final Path file;
    private final Mistakes mistakes;

    private YamlFile(Path file, Mistakes mistakes) {
        this.file = file;
        this.mistakes = mistakes;
    }

    /** The map, empty for an empty file, or null after a mistake that leaves nothing to look at. */
    static @Nullable Mapping read(Path file, Mistakes mistakes) {
        return new YamlFile(file, mistakes).read();
    }

    private @Nullable Mapping read() {
        String text = readText();
        if (text == null) {
            return null;
        }
        Optional<Node> top;
        try {
            LoadSettings settings =
                    LoadSettings.builder().setCodePointLimit(BYTES_MAX).build();
            top = new Compose(settings).composeString(text);
        } catch (MarkedYamlEngineException e) {
            mistakes.add(
                    where(e.getProblemMark().or(e::getContextMark)), "not YAML: " + Mistakes.display(e.getProblem()));
            return null;
        } catch (YamlEngineException | IllegalArgumentException e) { // the latter of a tag that is none
            mistakes.add(file.toString(), "not YAML: " + Mistakes.display(String.valueOf(e.getMessage())));
            return null;
        }
        return top.isEmpty() ? new Mapping(file.toString(), List.of()) : readTop(top.get());
    }

    private @Nullable Mapping readTop(Node top) {
        YamlNode node = convert(top);
        if (node == null) {
            return null;
        }
        return switch (node) {
            case Mapping mapping -> mapping;
            case NoValue none -> new Mapping(none.where(), List.of());
            case Scalar _, Sequence _ -> {
                mistakes.add(node.where(), "the file is not a map of keys and values");
                yield null;
            }
        };
    }

    private @Nullable String readText() {
        String problem;
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(BYTES_MAX + 1);
            if (bytes.length <= BYTES_MAX) {
                return StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(bytes))
                        .toString();
            }
            problem = "larger than " + ByteSize.format(BYTES_MAX);
        } catch (CharacterCodingException e) {
            problem = "not UTF-8";
        } catch (IOException e) {
            problem = "cannot be read: " + IoReason.of(e, file.toString());
        }
        mistakes.add(file.toString(), problem);
        return null;
    }

    private String where(Optional<Mark> mark) {
        return mark.map(m -> file + ":" + (m.getLine() + 1)).orElse(file.toString());
    }

    /** Null after a mistake. Anchors are refused before their content is looked at: an alias could make it endless. */
    private @Nullable YamlNode convert(Node node) {
        String where = where(node.getStartMark());
        if (node.getAnchor().isPresent()) {
            mistakes.add(where, "anchors and aliases are not allowed here");
            return null;
        }
        return switch (node) {
            case ScalarNode scalar -> convert(where, scalar);
            case SequenceNode sequence -> convert(where, sequence);
            case MappingNode mapping -> convert(where, mapping);
            default -> throw new IllegalStateException("no other kinds of YAML nodes: " + node.getNodeType());
        };
    }

    private static YamlNode convert(String where, ScalarNode scalar) {
        boolean none = scalar.isPlain()
                && (scalar.getTag().equals(Tag.NULL) || scalar.getValue().isEmpty());
        return none ? new NoValue(where) : new Scalar(where, scalar.getValue());
    }

    private Sequence convert(String where, SequenceNode sequence) {
        List<YamlNode> elements = new ArrayList<>();
        for (Node element : sequence.getValue()) {
            YamlNode converted = convert(element);
            if (converted != null) {
                elements.add(converted);
            }
        }
        return new Sequence(where, elements);
    }

    private Mapping convert(String where, MappingNode mapping) {
        List<Entry> entries = new ArrayList<>();
        Map<String, String> whereByKey = new HashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            String keyWhere = where(tuple.getKeyNode().getStartMark());
            if (!(tuple.getKeyNode() instanceof ScalarNode keyNode)) {
                mistakes.add(keyWhere, "a key must be a word");
                continue;
            }
            String key = keyNode.getValue();
            String first = whereByKey.putIfAbsent(key, keyWhere);
            if (first != null) {
                mistakes.add(keyWhere, "key " + Mistakes.display(key) + " is given twice, first at " + first);
                continue;
            }
            YamlNode value = convert(tuple.getValueNode());
            if (value != null) {
                entries.add(new Entry(keyWhere, key, value));
            }
        }
        return new Mapping(where, entries);
    }
}
