using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Data.Checking;

/// <summary>What <see cref="DatasetCheck"/> keeps of an item.</summary>
/// <param name="Digest">Half of the SHA-256 of a picture's size and pixels, or of a clip's files: a chance collision among a billion items
/// is out of the question.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Frames">Frames of a clip; 0 of a picture.</param>
/// <param name="Seconds">Duration of a video; 0 where there is none.</param>
/// <param name="Oriented">Whether it is to be shown otherwise than it is stored.</param>
internal readonly record struct ItemFacts(UInt128 Digest, int Width, int Height, int Frames = 0, float Seconds = 0, bool Oriented = false);

/// <summary>Reads items for <see cref="DatasetCheck"/>; for one thread.</summary>
internal abstract class ItemReader : IDisposable
{
    private const int DigestBytes = 16;

    /// <summary>The digest in the making.</summary>
    protected IncrementalHash Hash { get; } = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>A reader of a data set's items.</summary>
    public static ItemReader For(LabelledDataset data) => data.OfClips ? new ClipReader(data) : new PictureReader(data);

    /// <summary>Reads an item to its end.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public ItemFacts Read(int index)
    {
        try
        {
            return ReadWhole(index);
        }
        catch
        {
            Digest();       // what was added of this item is no part of the next one's
            throw;
        }
    }

    /// <summary>As <see cref="Read"/>; may leave a part of an item in the digest where it fails.</summary>
    protected abstract ItemFacts ReadWhole(int index);

    /// <inheritdoc/>
    public virtual void Dispose() => Hash.Dispose();

    /// <summary>The digest of what was added since the last.</summary>
    protected UInt128 Digest()
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        Hash.GetHashAndReset(bytes);
        return MemoryMarshal.Read<UInt128>(bytes[..DigestBytes]);
    }

    private sealed class PictureReader(LabelledDataset data) : ItemReader
    {
        private readonly ImageBuffer _image = new();

        protected override ItemFacts ReadWhole(int index)
        {
            data.Load(index, _image);
            Span<byte> size = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(size, ((long)_image.Width << 32) | (uint)_image.Height);
            Hash.AppendData(size);
            Hash.AppendData(_image.Pixels);
            return new ItemFacts(Digest(), _image.Width, _image.Height, Oriented: _image.Orientation != Orientation.Normal);
        }

        public override void Dispose()
        {
            base.Dispose();
            _image.Dispose();
        }
    }

    /// <summary>A video is decoded from its first to its last frame, a folder of frames picture by picture: whatever training could stumble
    /// on is met here.</summary>
    private sealed class ClipReader(LabelledDataset data) : ItemReader
    {
        private readonly ClipBuffer _frames = new();
        private readonly byte[] _bytes = new byte[1 << 16];

        protected override ItemFacts ReadWhole(int index)
        {
            VideoInfo info = data.Info(index);
            if (info.Damage is { } damage) throw new InvalidDataException($"{data.FileOf(index)}: it is damaged; {damage}");
            IReadOnlyList<string> files = data.FilesOf(index);
            if (files.Count == 1) data.Load(index, info.Frames > 1 ? [0, info.Frames - 1] : [0], _frames);
            for (int t = 0; files.Count > 1 && t < info.Frames; t++)
            {
                data.Load(index, [t], _frames);
                if (_frames[0].Width != info.Width || _frames[0].Height != info.Height)
                    throw new InvalidDataException(
                        $"{files[t]}: it is {_frames[0].Width}x{_frames[0].Height} pixels, the clip's first frame "
                            + $"{info.Width}x{info.Height}.");
            }

            foreach (string file in files)
            {
                using FileStream bytes = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
                for (int read; (read = bytes.Read(_bytes)) > 0;) Hash.AppendData(_bytes.AsSpan(0, read));
            }

            return new ItemFacts(
                Digest(), info.Width, info.Height, info.Frames, info.FramesPerSecond > 0 ? (float)(info.Frames / info.FramesPerSecond) : 0,
                info.Orientation != Orientation.Normal);
        }

        public override void Dispose()
        {
            base.Dispose();
            _frames.Dispose();
        }
    }
}
