using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Street View House Numbers, cropped digits: the owners' <c>train_32x32.mat</c>, <c>test_32x32.mat</c> or <c>extra_32x32.mat</c>.
/// The files call the digit 0 label 10; here classes are the digits. A file is held in memory (3 kB a picture).
/// </summary>
public sealed class SvhnDataset : ImageDataset
{
    private const int Side = 32, Plane = Side * Side, PictureBytes = 3 * Plane;

    private readonly string _path;
    private readonly ReadOnlyMemory<byte> _pixels;
    private readonly byte[] _labels;

    private SvhnDataset(string path, ReadOnlyMemory<byte> pixels, byte[] labels) => (_path, _pixels, _labels) = (path, pixels, labels);

    /// <inheritdoc/>
    public override string Name => _path;

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

    /// <summary>Reads a file.</summary>
    /// <param name="path">A <c>.mat</c> file with X [32, 32, 3, n] and y [n, 1].</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">Not such a file: the message says what is missing or out of range.</exception>
    public static SvhnDataset Open(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"There is no file '{path}'; expected cropped SVHN digits (train_32x32.mat, test_32x32.mat, extra_32x32.mat).", path);
        Dictionary<string, MatArray> variables = MatFile.Read(path);
        if (!variables.TryGetValue("X", out MatArray? x) || !variables.TryGetValue("y", out MatArray? y))
            throw new InvalidDataException($"{path}: expected the variables X and y of cropped SVHN digits; found "
                + $"{(variables.Count == 0 ? "none" : string.Join(", ", variables.Keys))}.");
        if (x.Type != MatType.UInt8 || x.Dims is not [Side, Side, 3, ..] || x.Dims.Length > 4)
            throw new InvalidDataException($"{path}: X must be bytes [32, 32, 3, n]; it is [{string.Join(", ", x.Dims)}].");

        double[] labels = y.Numbers();
        int count = x.Data.Length / PictureBytes, wrong = Array.FindIndex(labels, v => v is not (>= 0 and <= 10) || v != Math.Floor(v));
        if (labels.Length != count || count == 0) throw new InvalidDataException($"{path}: {count} pictures but {labels.Length} labels.");
        if (wrong >= 0)
            throw new InvalidDataException(
                $"{path} picture {wrong}: label {labels[wrong]} is no digit; expected 1 to 9, and 10 for the digit 0.");
        return new SvhnDataset(path, x.Data, [.. labels.Select(v => (byte)(v % 10))]);
    }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override string FileOf(int index) => _path;

    /// <inheritdoc/>
    public override string Source(int index) => $"{_path} picture {index}";

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into)
    {
        // MATLAB's first axis (rows of the picture) varies fastest, then columns, then channels.
        ReadOnlySpan<byte> planes = _pixels.Span.Slice(index * PictureBytes, PictureBytes);
        into.Reset(Side, Side);
        for (int y = 0; y < Side; y++)
        {
            Span<byte> row = into.Row(y);
            for (int x = 0; x < Side; x++)
            {
                for (int c = 0; c < 3; c++) row[(x * 3) + c] = planes[(c * Plane) + (x * Side) + y];
            }
        }
    }
}
