using System.Text.Json;
using System.Text.Json.Nodes;

namespace AdaptFormer.Reports.TensorBoard;

/// <summary>The kinds of value that an event may hold, as <c>Summary.Value</c> messages.</summary>
/// <remarks>Field numbers are those of tensorflow/core/framework/summary.proto, tensor.proto and
/// tensorboard/plugins/hparams/plugin_data.proto.</remarks>
internal static class SummaryValue
{
    private const int Tag = 1, Simple = 2, Picture = 4, Tensor = 8, Metadata = 9;
    private const long DataString = 7, Succeeded = 1;

    /// <summary>A number.</summary>
    public static ProtoWriter Scalar(string tag, double value) => new ProtoWriter().Add(Tag, tag).Add(Simple, (float)value);

    /// <summary>A picture.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="png">The file.</param>
    public static ProtoWriter Image(string tag, byte[] png)
    {
        const int height = 1, width = 2, colourSpace = 3, encoded = 4, rgb = 3;
        (int w, int h) = PngSize(png);
        return new ProtoWriter().Add(Tag, tag)
            .Add(Picture, new ProtoWriter().Add(height, (long)h).Add(width, (long)w).Add(colourSpace, (long)rgb).Add(encoded, png));
    }

    /// <summary>A text in Markdown.</summary>
    public static ProtoWriter Text(string tag, string markdown)
    {
        const int type = 1, shape = 2, strings = 8;
        return new ProtoWriter().Add(Tag, tag).Add(Metadata, Plugin("text", []))
            .Add(Tensor, new ProtoWriter().Add(type, DataString).Add(shape, new ProtoWriter()).Add(strings, markdown));
    }

    /// <summary>The hyper-parameters of a run that begins: one row of TensorBoard's table, which finds the columns itself over all
    /// runs.</summary>
    /// <param name="values">Numbers, bools and strings by name.</param>
    /// <param name="start">When the run began.</param>
    public static ProtoWriter HyperParameters(IReadOnlyList<KeyValuePair<string, JsonValue>> values, DateTimeOffset start)
    {
        const int sessionStart = 3, hyperParameters = 1, key = 1, entry = 2, startTime = 5;
        ProtoWriter info = new();
        foreach ((string name, JsonValue value) in values)
            info.Add(hyperParameters, new ProtoWriter().Add(key, name).Add(entry, Value(value)));
        return HyperParameters("_hparams_/session_start_info", sessionStart, info.Add(startTime, EventFile.Seconds(start)));
    }

    /// <summary>That a run ended well.</summary>
    public static ProtoWriter RunEnded(DateTimeOffset end)
    {
        const int sessionEnd = 4, status = 1, endTime = 2;
        return HyperParameters("_hparams_/session_end_info", sessionEnd,
            new ProtoWriter().Add(status, Succeeded).Add(endTime, EventFile.Seconds(end)));
    }

    private static ProtoWriter HyperParameters(string tag, int kind, ProtoWriter info) =>
        new ProtoWriter().Add(Tag, tag).Add(Metadata, Plugin("hparams", new ProtoWriter().Add(kind, info).ToArray()));

    private static ProtoWriter Plugin(string name, byte[] content)
    {
        const int pluginData = 1, pluginName = 1, pluginContent = 2;
        return new ProtoWriter().Add(pluginData, new ProtoWriter().Add(pluginName, name).Add(pluginContent, content));
    }

    // google.protobuf.Value
    private static ProtoWriter Value(JsonValue value)
    {
        const int number = 2, text = 3, flag = 4;
        return value.GetValueKind() switch
        {
            JsonValueKind.Number => new ProtoWriter().Add(number, value.GetValue<double>()),
            JsonValueKind.True => new ProtoWriter().Add(flag, 1L),
            JsonValueKind.False => new ProtoWriter().Add(flag, 0L),
            _ => new ProtoWriter().Add(text, value.GetValue<string>()),
        };
    }

    // A PNG's first part, behind eight bytes of signature and eight of its own head, begins with the two sides.
    private static (int Width, int Height) PngSize(byte[] png) =>
        (System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(
            png.AsSpan(16)), System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
}
