using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Transforms;

/// <summary>
/// Resizes RGB pictures, equal to Pillow's <c>Image.resize</c> to the last bit: a horizontal pass into 8-bit rows, then a
/// vertical one, in fixed point. Holds weights and scratch rows for re-use: one per thread.
/// </summary>
/// <remarks>The algorithm is documented in Pillow's manual (filters with antialiasing support) and checked against its output.</remarks>
public sealed unsafe class ImageResizer : IDisposable
{
    private readonly ResizeWeights _columns = new(), _rows = new();
    private byte[] _scratch = [];

    /// <summary>Crops <paramref name="source"/>, then resizes the crop; pixels outside the crop have no influence.</summary>
    /// <param name="source">The picture.</param>
    /// <param name="crop">The part to resize.</param>
    /// <param name="width">Width that the crop gets.</param>
    /// <param name="height">Height that the crop gets.</param>
    /// <param name="filter">Interpolation filter.</param>
    /// <param name="destination">Receives the result; not <paramref name="source"/>.</param>
    /// <exception cref="ArgumentException">The crop does not lie within the picture, or source and destination are one.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A side is not positive, or the result has too many pixels.</exception>
    public void Resize(ImageBuffer source, PixelBox crop, int width, int height, Interpolation filter, ImageBuffer destination) =>
        Resize(source, crop, width, height, filter, new PixelBox(0, 0, width, height), destination);

    /// <summary>
    /// As <see cref="Resize(ImageBuffer, PixelBox, int, int, Interpolation, ImageBuffer)"/>, but computes only a part of the result.
    /// </summary>
    /// <param name="source">The picture.</param>
    /// <param name="crop">The part to resize.</param>
    /// <param name="width">Width that the crop gets.</param>
    /// <param name="height">Height that the crop gets.</param>
    /// <param name="filter">Interpolation filter.</param>
    /// <param name="window">The part of the result that is wanted, for instance its centre.</param>
    /// <param name="destination">Receives the window; not <paramref name="source"/>.</param>
    /// <exception cref="ArgumentException">Crop or window do not fit, or source and destination are one.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A side is not positive, or the result has too many pixels.</exception>
    public void Resize(
        ImageBuffer source, PixelBox crop, int width, int height, Interpolation filter, PixelBox window, ImageBuffer destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        if (!crop.FitsIn(source.Width, source.Height))
            throw new ArgumentException($"Resize: the crop {crop} must lie within the {source.Width}x{source.Height} image.", nameof(crop));
        if (!window.FitsIn(width, height))
            throw new ArgumentException($"Resize: the window {window} must lie within the {width}x{height} result.", nameof(window));
        if (ReferenceEquals(source, destination))
            throw new ArgumentException("Resize: source and destination must be two buffers.", nameof(destination));

        destination.Reset(window.Width, window.Height);
        _columns.Prepare(crop.Width, width, window.Left, window.Width, filter);
        _rows.Prepare(crop.Height, height, window.Top, window.Height, filter);
        fixed (byte* input = source.PixelsWithSlack, output = destination.PixelsWithSlack)
        {
            byte* origin = input + (crop.Top * (long)source.Stride) + (crop.Left * 3L);
            if (crop.Height == height)
            {
                origin += window.Top * (long)source.Stride;
                Columns(origin, source.Stride, window, crop.Width == width, output, window.Height);
            }
            else if (crop.Width == width)
            {
                Rows(origin + (window.Left * 3L), source.Stride, window, 0, output);
            }
            else
            {
                // Only the rows that the vertical pass will read.
                int start = _rows.First[0], count = _rows.End - start, stride = window.Width * 3;
                fixed (byte* between = Scratch(count, stride))
                {
                    Columns(origin + (start * (long)source.Stride), source.Stride, window, false, between, count);
                    Rows(between, stride, window, start, output);
                }
            }
        }
    }

    /// <summary>Returns the scratch memory to the pool.</summary>
    public void Dispose()
    {
        PixelMemory.Return(_scratch);
        _scratch = [];
    }

    private void Columns(byte* input, int stride, PixelBox window, bool unchanged, byte* output, int count)
    {
        fixed (int* first = _columns.First, weights = _columns.PerChannel)
        {
            for (int y = 0; y < count; y++, input += stride, output += window.Width * 3)
            {
                if (unchanged)
                    Buffer.MemoryCopy(input + (window.Left * 3), output, window.Width * 3, window.Width * 3);
                else
                    ResizeKernels.Horizontal(input, output, window.Width, first, weights, _columns.Taps);
            }
        }
    }

    private void Rows(byte* input, int stride, PixelBox window, int firstRow, byte* output)
    {
        fixed (int* weights = _rows.Fixed)
        {
            for (int y = 0; y < window.Height; y++, output += window.Width * 3)
            {
                // Padding weights are zero, but their rows may not exist: use only the taps that fall on rows.
                int taps = Math.Min(_rows.Taps, _rows.End - _rows.First[y]);
                ResizeKernels.Vertical(input + ((_rows.First[y] - firstRow) * (long)stride), stride, output, window.Width * 3,
                    weights + (y * _rows.Taps), taps);
            }
        }
    }

    private byte[] Scratch(int rows, int stride)
    {
        long bytes = ((long)rows * stride) + ImageBuffer.Slack;
        if (bytes > Array.MaxLength)
            throw new ArgumentException(
                $"Resize: stretching {rows} rows to {stride / 3} pixels each needs {bytes} bytes; the picture is too long and thin.");
        if (_scratch.Length < bytes || (_scratch.Length >= PixelMemory.Giant && bytes < PixelMemory.Giant / 2))
        {
            Dispose();
            _scratch = PixelMemory.Rent((int)bytes);
        }

        return _scratch;
    }
}
