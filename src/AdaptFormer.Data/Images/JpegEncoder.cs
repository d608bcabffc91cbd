using System.Buffers;
using System.Runtime.InteropServices;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Writes JPEG with colour at half resolution (4:2:0), through TurboJPEG's 2.x interface or, without it, SkiaSharp. A picture's
/// orientation is kept as EXIF. One per thread.
/// </summary>
internal sealed unsafe partial class JpegEncoder : IDisposable
{
    private const int FormatRgb = 0, Samples420 = 2, NoRealloc = 1024, StartOfImageBytes = 2;

    private readonly int _quality;
    private readonly ArrayBufferWriter<byte> _plain = new();
    private nint _handle;

    /// <param name="quality">In [1, 100].</param>
    public JpegEncoder(int quality)
    {
        _quality = quality;
        if (!NativeImageLibraries.HasTurboJpeg) return;
        _handle = tjInitCompress();
        if (_handle == 0) throw new InvalidOperationException("tjInitCompress failed: libturbojpeg could not create a compressor.");
    }

    /// <summary>Appends a picture.</summary>
    /// <exception cref="DllNotFoundException">This system has neither library.</exception>
    public void Encode(ImageBuffer image, ArrayBufferWriter<byte> into)
    {
        if (image.Orientation == Orientation.Normal)
        {
            EncodePixels(image, into);
            return;
        }

        _plain.ResetWrittenCount();
        EncodePixels(image, _plain);
        into.Write(_plain.WrittenSpan[..StartOfImageBytes]);
        into.Write(Exif.JpegSegment(image.Orientation));
        into.Write(_plain.WrittenSpan[StartOfImageBytes..]);
    }

    private void EncodePixels(ImageBuffer image, ArrayBufferWriter<byte> into)
    {
        if (_handle == 0)
        {
            into.Write(SkiaPictures.EncodeJpeg(image, _quality));
            return;
        }

        int most = checked((int)tjBufSize(image.Width, image.Height, Samples420).Value);
        fixed (byte* pixels = image.Pixels, destination = into.GetSpan(most))
        {
            byte* buffer = destination;
            CULong size = new((nuint)most);
            if (tjCompress2(_handle, pixels, image.Width, 0, image.Height, FormatRgb, &buffer, &size, Samples420, _quality, NoRealloc) != 0)
                throw new InvalidOperationException($"tjCompress2 failed: {Marshal.PtrToStringUTF8(tjGetErrorStr2(_handle))}");
            into.Advance((int)size.Value);
        }
    }

    public void Dispose()
    {
        if (_handle != 0) _ = tjDestroy(_handle);
        _handle = 0;
    }

#pragma warning disable IDE1006 // the library's own names
    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial nint tjInitCompress();

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDestroy(nint handle);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial CULong tjBufSize(int width, int height, int subsampling);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjCompress2(nint handle, byte* pixels, int width, int pitch, int height, int format, byte** result,
        CULong* size, int subsampling, int quality, int flags);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial nint tjGetErrorStr2(nint handle);
#pragma warning restore IDE1006
}
