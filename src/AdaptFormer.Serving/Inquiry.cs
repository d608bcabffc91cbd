using AdaptFormer.Inference;

namespace AdaptFormer.Serving;

/// <summary>Inputs for one task, and the outputs that are made of its answers: the part that REST and gRPC share.</summary>
internal static class Inquiry
{
    /// <summary>Names of the tensors.</summary>
    public const string Image = "image", Pixels = "pixels", Logits = "logits", Probabilities = "probabilities", Label = "label";

    /// <summary>Most inputs of one request.</summary>
    public const int MaxInputs = 64;

    /// <summary>The outputs in the order in which they come if none is chosen.</summary>
    public static IReadOnlyList<string> Outputs { get; } = [Probabilities, Logits, Label];

    /// <summary>The type of an output.</summary>
    public static string TypeOf(string output) => output == Label ? "BYTES" : "FP32";

    /// <summary>Checks the names of outputs.</summary>
    /// <exception cref="ArgumentException">There is no such output.</exception>
    public static IReadOnlyList<string> Chosen(IReadOnlyList<string> names)
    {
        if (names.FirstOrDefault(name => !Outputs.Contains(name)) is { } unknown)
            throw new ArgumentException($"There is no output '{unknown}'; there are {string.Join(", ", Outputs)}.");
        return names.Count == 0 ? Outputs : names;
    }

    /// <summary>Checks what an input says of itself.</summary>
    /// <returns>How many pictures, clips or tensors it holds.</returns>
    /// <exception cref="ArgumentException">It is no such input.</exception>
    public static int Count(TaskBank bank, string name, string datatype, IReadOnlyList<long> shape)
    {
        Tensors.Shape one = bank.Model.InputShape;
        string expected =
            $"expected '{Image}' BYTES [N] with pictures or clips, or '{Pixels}' FP32 [N, {string.Join(", ", one.Dims.ToArray())}]";
        bool isImage = datatype == "BYTES" && shape.Count is 1 or 2 && (shape.Count == 1 || shape[1] == 1);
        bool isPixels = datatype == "FP32" && shape.Skip(1).SequenceEqual(one.Dims.ToArray().Select(d => (long)d));
        if (!(isImage || isPixels))
            throw new ArgumentException($"The input '{name}' is {datatype} [{string.Join(", ", shape)}]; {expected}.");
        if (shape[0] is < 1 or > MaxInputs)
            throw new ArgumentException($"The input '{name}' holds {shape[0]} items; 1 to {MaxInputs} are possible.");
        return (int)shape[0];
    }

    /// <summary>FP32 values as that many tensors.</summary>
    /// <exception cref="ArgumentException">There are not as many values as they need.</exception>
    public static IEnumerable<VisualInput> Split(TaskBank bank, float[] values, int count)
    {
        int length = (int)bank.Model.InputShape.Length;
        if (values.Length != (long)count * length)
            throw new ArgumentException($"The input holds {values.Length} numbers; its shape needs {(long)count * length}.");
        return Enumerable.Range(0, count).Select(i => VisualInput.Tensor(values.AsMemory(i * length, length)));
    }

    /// <summary>BYTES in their raw form: each element behind its length, 4 bytes, least first.</summary>
    /// <exception cref="ArgumentException">They are not so many, or cut short.</exception>
    public static List<VisualInput> Elements(ReadOnlyMemory<byte> raw, int count)
    {
        List<VisualInput> elements = [];
        while (raw.Length > 0)
        {
            int length = raw.Length < sizeof(int) ? -1 : System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(raw.Span);
            if (length < 0 || length > raw.Length - sizeof(int))
                throw new ArgumentException("A raw BYTES element is longer than what is left of its input.");
            elements.Add(VisualInput.Bytes(raw.Slice(sizeof(int), length), $"image {elements.Count}"));
            raw = raw[(sizeof(int) + length)..];
        }

        return elements.Count == count
            ? elements : throw new ArgumentException($"The input holds {elements.Count} elements; its shape says {count}.");
    }

    /// <summary>Asks one task about all inputs.</summary>
    public static async Task<TaskAnswer[]> AskAsync(
        TaskBank bank, string task, IReadOnlyList<VisualInput> inputs, CancellationToken cancellation)
    {
        if (inputs.Count is 0 or > MaxInputs)
            throw new ArgumentException($"A request asks about 1 to {MaxInputs} inputs, got {inputs.Count}.");
        return await Task.WhenAll(inputs.Select(input => bank.AskAsync(input, task, cancellation))).ConfigureAwait(false);
    }

    /// <summary>The numbers of an output, [N, K].</summary>
    public static float[] Numbers(string output, TaskAnswer[] answers) => output == Logits
        ? [.. answers.SelectMany(answer => answer.Logits)]
        : [.. answers.SelectMany(answer => answer.Best(answer.Logits.Length, 0).OrderBy(score => score.Index)
            .Select(score => (float)score.Probability))];

    /// <summary>The most probable class of each answer.</summary>
    public static string[] Labels(TaskAnswer[] answers) => [.. answers.Select(answer => answer.Best(1, 0)[0].Label)];

    /// <summary>The shape of an output.</summary>
    public static long[] ShapeOf(string output, TaskAnswer[] answers) =>
        output == Label ? [answers.Length] : [answers.Length, answers[0].Logits.Length];
}
