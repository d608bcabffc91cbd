using AdaptFormer.Export;
using AdaptFormer.Files;
using Microsoft.ML.OnnxRuntime;

namespace AdaptFormer.Onnx;

/// <summary>An exported file in ONNX Runtime: numbers in, logits out. Safe for many threads.</summary>
public sealed class OnnxModel : IDisposable
{
    private readonly InferenceSession _session;

    private OnnxModel(string path, InferenceSession session, OnnxCard card) => (Path, _session, Card) = (path, session, card);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What it says about itself.</summary>
    public OnnxCard Card { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">A file that this library exported.</param>
    /// <param name="configure">Sets ONNX Runtime's options: threads, execution providers such as CUDA, DirectML or CoreML; its defaults,
    /// on the CPU, if null.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no ONNX file, is damaged, or was exported by another program.</exception>
    /// <exception cref="DllNotFoundException">ONNX Runtime's native library is absent.</exception>
    public static OnnxModel Open(string path, Action<SessionOptions>? configure = null)
    {
        OnnxRuntimeLibrary.Require();
        OnnxCard card = CardOf(path);
        using SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        configure?.Invoke(options);
        InferenceSession? session = null;
        try
        {
            session = new InferenceSession(path, options);
            OnnxModel model = new(path, session, card);
            model.CheckPorts();
            session = null;
            return model;
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"{path}: ONNX Runtime cannot open it: {e.Message.TrimEnd('.')}.", e);
        }
        finally
        {
            session?.Dispose();
        }
    }

    /// <summary>Runs pictures or clips of bytes, all of one size, through a file whose input they are.</summary>
    /// <param name="bytes">[B, H, W, 3] or [B, T, H, W, 3], RGB, row by row.</param>
    /// <param name="shape">Its axes.</param>
    /// <param name="outputs">The outputs to compute; those of all tasks if null.</param>
    /// <returns>For each output its numbers, [B, K].</returns>
    /// <exception cref="ArgumentException">The file's input is another one, or the numbers do not fit the axes.</exception>
    public IReadOnlyDictionary<string, float[]> Run(byte[] bytes, IReadOnlyList<int> shape, IReadOnlyCollection<string>? outputs = null)
    {
        if (Card.Input == OnnxNames.Pixels) throw new ArgumentException($"{Path} reads normalised pixels, got bytes.");
        return Run(OrtValue.CreateTensorValueFromMemory(bytes, Axes(shape, bytes.Length)), outputs);
    }

    /// <summary>Runs what the model reads through a file whose input that is.</summary>
    /// <param name="pixels">[B, 3, S, S] or [B, 3, T, S, S], normalised.</param>
    /// <param name="shape">Its axes.</param>
    /// <param name="outputs">The outputs to compute; those of all tasks if null.</param>
    /// <returns>For each output its numbers, [B, K].</returns>
    /// <exception cref="ArgumentException">The file's input is another one, or the numbers do not fit the axes.</exception>
    public IReadOnlyDictionary<string, float[]> Run(float[] pixels, IReadOnlyList<int> shape, IReadOnlyCollection<string>? outputs = null)
    {
        if (Card.Input != OnnxNames.Pixels) throw new ArgumentException($"{Path} reads bytes as its input '{Card.Input}', got floats.");
        return Run(OrtValue.CreateTensorValueFromMemory(pixels, Axes(shape, pixels.Length)), outputs);
    }

    /// <summary>The self-test: whether ONNX Runtime answers the file's example as the model did when it was exported.</summary>
    /// <returns>The largest difference of a logit.</returns>
    /// <exception cref="InvalidDataException">It answers otherwise.</exception>
    public double CheckAnswer()
    {
        OnnxSelfTest test = Card.SelfTest;
        IReadOnlyDictionary<string, float[]> answers = test.Bytes is { } bytes ? Run(bytes, test.Shape) : Run(test.Pixels(), test.Shape);
        double worst = 0;
        foreach ((string output, float[] expected) in test.Answers)
        {
            float[] got = answers.GetValueOrDefault(output, []);
            if (got.Length != expected.Length)
                throw new InvalidDataException($"{Path}: '{output}' has {got.Length} numbers, the self-test {expected.Length}.");
            for (int i = 0; i < got.Length; i++)
            {
                double difference = Math.Abs(got[i] - expected[i]);
                if (!(difference <= worst)) worst = difference;       // a NaN counts as the worst
            }
        }

        if (worst <= test.Tolerance) return worst;
        throw new InvalidDataException(
            $"{Path}: ONNX Runtime answers its self-test otherwise than the model did when it was exported, by {worst:G3} where "
            + $"{test.Tolerance:G3} is allowed.");
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>What a file says about itself, read before ONNX Runtime, which trusts more, sees it.</summary>
    private static OnnxCard CardOf(string path)
    {
        using (File.OpenRead(path))
        {
            // absent or locked: said as for any other file
        }

        return OnnxCheck.Texts(path).TryGetValue(OnnxNames.Card, out string? json) ? OnnxCard.FromJson(json, path)
            : throw new InvalidDataException(
                $"{path} was exported by another program: it says neither what its pictures must look like nor what its answers mean. "
                + "Export the model with adaptformer export.");
    }

    private IReadOnlyDictionary<string, float[]> Run(OrtValue input, IReadOnlyCollection<string>? outputs)
    {
        using OrtValue value = input;
        using RunOptions options = new();
        string[] names = outputs is null ? [.. Card.Tasks.Select(task => task.Output)] : [.. outputs];
        try
        {
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(options, [Card.Input], [value], names);
            return names.Zip(results).ToDictionary(pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidOperationException($"{Path}: ONNX Runtime failed: {e.Message}", e);
        }
    }

    private static long[] Axes(IReadOnlyList<int> shape, int length) =>
        shape.Aggregate(1L, (product, axis) => product * axis) == length
            ? [.. shape.Select(axis => (long)axis)]
            : throw new ArgumentException($"[{string.Join(", ", shape)}] does not have the {length} numbers that were given.");

    private void CheckPorts()
    {
        string[] missing = [.. Card.Tasks.Select(task => task.Output).Where(output => !_session.OutputMetadata.ContainsKey(output))];
        if (!_session.InputMetadata.ContainsKey(Card.Input) || missing.Length > 0)
            throw new InvalidDataException($"{Path}: its graph is not the one that it describes: it should read '{Card.Input}' and "
                + $"answer {string.Join(", ", Card.Tasks.Select(task => task.Output))}.");
    }
}
