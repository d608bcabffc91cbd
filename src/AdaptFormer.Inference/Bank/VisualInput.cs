using AdaptFormer.Data.Images;

namespace AdaptFormer.Inference;

/// <summary>A picture or clip to ask about: a file, its bytes, decoded pixels, or the tensor that a model reads.</summary>
public abstract class VisualInput
{
    private protected VisualInput()
    {
    }

    /// <summary>What messages call it.</summary>
    public string Name { get; private protected init; } = "input";

    /// <summary>An image file; for models that read clips, a video file or a folder of frames.</summary>
    /// <param name="path">Where it is.</param>
    public static VisualInput File(string path) => new FileInput(path);

    /// <summary>The bytes of an image or video file.</summary>
    /// <param name="file">All of it; not to be changed until the answer is there.</param>
    /// <param name="name">What messages call it.</param>
    public static VisualInput Bytes(ReadOnlyMemory<byte> file, string name = "image") => new BytesInput(file, name);

    /// <summary>An image or video file that is read to its end from a stream, which stays the caller's.</summary>
    /// <param name="file">The stream.</param>
    /// <param name="name">What messages call it.</param>
    public static VisualInput Stream(Stream file, string name = "image") => new StreamInput(file, name);

    /// <summary>A decoded picture.</summary>
    /// <param name="picture">Its pixels; not to be changed until the answer is there.</param>
    public static VisualInput Pixels(ImageBuffer picture) => new FramesInput([picture]);

    /// <summary>The decoded frames of a clip.</summary>
    /// <param name="frames">All of one size; not to be changed until the answer is there.</param>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static VisualInput Frames(IReadOnlyList<ImageBuffer> frames) =>
        frames.Count > 0 ? new FramesInput(frames) : throw new ArgumentException("A clip has at least one frame.", nameof(frames));

    /// <summary>What the model reads, made ready by the caller.</summary>
    /// <param name="values">[3, S, S] or [3, T, S, S], normalised as the task's file says.</param>
    public static VisualInput Tensor(ReadOnlyMemory<float> values) => new TensorInput(values);

    /// <summary>A file by its path.</summary>
    /// <param name="path">Where it is.</param>
    public static implicit operator VisualInput(string path) => File(path);

    /// <summary>A file by its bytes.</summary>
    /// <param name="file">All of it.</param>
    public static implicit operator VisualInput(byte[] file) => Bytes(file);

    /// <summary>A decoded picture.</summary>
    /// <param name="picture">Its pixels.</param>
    public static implicit operator VisualInput(ImageBuffer picture) => Pixels(picture);

    internal sealed class FileInput : VisualInput
    {
        public FileInput(string path) => Name = Path = path;

        public string Path { get; }
    }

    internal sealed class BytesInput : VisualInput
    {
        public BytesInput(ReadOnlyMemory<byte> file, string name) => (Content, Name) = (file, name);

        public ReadOnlyMemory<byte> Content { get; }
    }

    internal sealed class StreamInput : VisualInput
    {
        public StreamInput(Stream file, string name) => (Content, Name) = (file, name);

        public Stream Content { get; }
    }

    internal sealed class FramesInput : VisualInput
    {
        public FramesInput(IReadOnlyList<ImageBuffer> frames) => (All, Name) = (frames, frames.Count == 1 ? "picture" : "clip");

        public IReadOnlyList<ImageBuffer> All { get; }
    }

    internal sealed class TensorInput : VisualInput
    {
        public TensorInput(ReadOnlyMemory<float> values) => (Values, Name) = (values, "tensor");

        public ReadOnlyMemory<float> Values { get; }
    }
}
