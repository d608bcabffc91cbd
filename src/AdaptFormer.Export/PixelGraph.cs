using System.Runtime.InteropServices;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Files;

namespace AdaptFormer.Export;

/// <summary>
/// Resize, crop and normalisation as nodes, for pictures of bytes of any size, with the very bytes that our own transform makes. A resize
/// is two products with matrices whose weights the graph computes from the picture's size; they are fractions of 22 bits, as ours. Each is
/// split into 14 and 8 bits, so that every product and every sum is a whole number that a float holds exactly, in whatever order a runtime
/// adds.
/// </summary>
internal sealed class PixelGraph
{
    private const double OneHalf = 0.5, FixedOne = 1 << 22;
    private const int LowBits = 256;
    private readonly OnnxGraph _graph;
    private readonly TransformOptions _options;
    private readonly int _size;

    private PixelGraph(OnnxGraph graph, TransformOptions options) => (_graph, _options, _size) = (graph, options, options.ImgSize);

    /// <summary>Adds the input and the way to what a model reads.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="options">What evaluation makes of pictures, or of the frames of clips, whose middle is taken.</param>
    /// <returns>The names of the normalised pixels, [B, 3, S, S] or [B, 3, T, S, S], and of the bytes ahead of the normalisation.</returns>
    public static (string Pixels, string Bytes) Add(OnnxGraph graph, TransformOptions options)
    {
        int? frames = options.Clip?.NumFrames;
        string name = frames is null ? OnnxNames.Image : OnnxNames.Clip;
        object[] axis = frames is { } t ? [(long)t] : [];
        graph.Inputs.Add(new OnnxPort(name, OnnxElement.UInt8, ["batch", .. axis, "height", "width", 3L]));
        graph.Scope = "preprocessing";
        PixelGraph steps = new(graph, options);
        string bytes = steps.Framed(frames is null ? name : steps.Frames(name)), pixels = steps.Normalized(bytes);
        if (frames is null) return (pixels, bytes);
        pixels = graph.Node("Reshape", [pixels, graph.Numbers(-1, frames.Value, 3, options.ImgSize, options.ImgSize)]);
        return (graph.Node("Transpose", [pixels], new OnnxAttribute("perm", 0L, 2L, 1L, 3L, 4L)), bytes);
    }

    /// <summary>[B, T, H, W, 3] → [B·T, H, W, 3].</summary>
    private string Frames(string clip)
    {
        string sides = _graph.Node("Shape", [clip], new OnnxAttribute("start", 2L), new OnnxAttribute("end", 5L));
        return Op("Reshape", clip, _graph.Node("Concat", [_graph.Numbers(-1), sides], new OnnxAttribute("axis", 0L)));
    }

    /// <summary>[B, H, W, 3] → [B, 3, S, S]: bytes, as floats.</summary>
    private string Framed(string image)
    {
        string planes = Cast(_graph.Node("Transpose", [image], new OnnxAttribute("perm", 0L, 3L, 1L, 2L)), OnnxElement.Float32);
        string height = Side(planes, 2), width = Side(planes, 3);
        int side = _options.EvalResize == 0 ? _size : _options.EvalResize;
        (string newHeight, string newWidth) = (_graph.Numbers(side), _graph.Numbers(side));
        if (_options.EvalResize != 0 && !_options.EvalStretch)
        {
            string shorter = Op("Min", height, width);
            (newHeight, newWidth) = (Resized(height), Resized(width));

            string Resized(string length) =>
                Op("Div", Op("Mul", length, _graph.Numbers(side)), shorter);      // rounded down, as torchvision
        }

        string columns = Planes(planes, Matrix(width, newWidth), fromLeft: false);                             // [B, 3, H, S]
        return Planes(columns, Matrix(height, newHeight), fromLeft: true);                                     // [B, 3, S, S]
    }

    private string Side(string planes, long axis) =>
        _graph.Node("Shape", [planes], new OnnxAttribute("start", axis), new OnnxAttribute("end", axis + 1));

    /// <summary>Pixels of the result from those of the source, along one axis: bytes again.</summary>
    private string Planes(string planes, (string High, string Low) weights, bool fromLeft)
    {
        string sum = Op("Add", Op("Mul", Sum(weights.High), Int(LowBits)), Sum(weights.Low));
        sum = Op("Div", Op("Add", sum, Int(1 << 21)), Int(1 << 22));
        return Cast(Op("Clip", sum, Int(0), Int(255)), OnnxElement.Float32);

        string Sum(string matrix) =>
            Cast(fromLeft ? Op("MatMul", Turned(matrix), planes) : Op("MatMul", planes, matrix), OnnxElement.Int32);

        string Turned(string matrix) => _graph.Node("Transpose", [matrix], new OnnxAttribute("perm", 1L, 0L));
    }

    /// <summary>The weights of the S pixels in the middle of a resized axis, [source, S], in units of 2⁻¹⁴ and of 2⁻²².</summary>
    private (string High, string Low) Matrix(string source, string result)
    {
        double[] places = [.. Enumerable.Range(0, _size)];
        string input = Cast(source, OnnxElement.Float64), scale = Op("Div", input, Cast(result, OnnxElement.Float64));
        string stretch = Op("Max", scale, D(1)), support = Op("Mul", stretch, D(Support));
        string i = _graph.Constant("/places", OnnxElement.Float64, MemoryMarshal.AsBytes<double>(places), 1, _size);
        string center = Op("Mul", Op("Add", Op("Add", Cast(Offset(result), OnnxElement.Float64), i), D(OneHalf)), scale);
        string first = Op("Max", Op("Floor", Op("Add", Op("Sub", center, support), D(OneHalf))), D(0));
        string end = Op("Min", Op("Floor", Op("Add", Op("Add", center, support), D(OneHalf))), input);

        string count = Op("Squeeze", source, _graph.Numbers(0));
        string range = Op("Range", Whole(0), count, Whole(1));
        string j = Op("Unsqueeze", Cast(range, OnnxElement.Float64), _graph.Numbers(1));                        // [source, 1]
        string offset = Op("Add", Op("Sub", first, center), D(OneHalf));
        string x = Op("Mul", Op("Add", Op("Sub", j, first), offset), Op("Div", D(1), stretch));
        string inside = Op("And", Op("Not", Op("Less", j, first)), Op("Less", j, end));
        string weights = Op("Where", inside, Filter(x), D(0));
        string sum = _graph.Node("ReduceSum", [weights, _graph.Numbers(0)], new OnnxAttribute("keepdims", 1L));
        weights = Op("Div", weights, Op("Where", Op("Equal", sum, D(0)), D(1), sum));

        string rounding = Op("Where", Op("Less", weights, D(0)), D(-OneHalf), D(OneHalf));
        string whole = Cast(Cast(Op("Add", Op("Mul", weights, D(FixedOne)), rounding), OnnxElement.Int32), OnnxElement.Float64);
        string high = Op("Floor", Op("Div", Op("Add", whole, D(LowBits / 2)), D(LowBits)));
        return (Cast(high, OnnxElement.Float32), Cast(Op("Sub", whole, Op("Mul", high, D(LowBits))), OnnxElement.Float32));
    }

    /// <summary>Where the crop begins: half of what is left over, halves to the even side.</summary>
    private string Offset(string result)
    {
        string gap = Op("Sub", result, _graph.Numbers(_size)), two = _graph.Numbers(2);
        string half = Op("Div", gap, two), up = Op("Mul", Op("Mod", gap, two), Op("Mod", half, two));
        return Op("Add", half, up);
    }

    private double Support => _options.Interpolation switch
    {
        Interpolation.Box => 0.5,
        Interpolation.Bilinear => 1,
        Interpolation.Bicubic => 2,
        _ => 3,
    };

    /// <summary>The filter at x, in the order of operations of our own resize.</summary>
    private string Filter(string x)
    {
        string distance = Op("Abs", x);
        switch (_options.Interpolation)
        {
            case Interpolation.Box:
                return Cast(Op("And", Op("Less", D(-OneHalf), x), Op("Not", Op("Less", D(OneHalf), x))), OnnxElement.Float64);
            case Interpolation.Bilinear:
                return Op("Max", Op("Sub", D(1), distance), D(0));
            case Interpolation.Bicubic:
                const double a = -0.5;
                string near = Op("Add", Op("Mul", Op("Mul", Op("Sub", Op("Mul", D(a + 2), distance), D(a + 3)), distance), distance), D(1));
                string far = Op("Mul",
                    Op("Sub", Op("Mul", Op("Add", Op("Mul", Op("Sub", distance, D(5)), distance), D(8)), distance), D(4)), D(a));
                return Op("Where", Op("Less", distance, D(1)), near, Op("Where", Op("Less", distance, D(2)), far, D(0)));
            default:
                string within = Op("And", Op("Not", Op("Less", x, D(-3))), Op("Less", x, D(3)));
                return Op("Where", within, Op("Mul", Sinc(x), Sinc(Op("Div", x, D(3)))), D(0));
        }
    }

    private string Sinc(string x)
    {
        string isZero = Op("Equal", x, D(0)), angle = Op("Mul", x, D(Math.PI));
        return Op("Where", isZero, D(1), Op("Div", Op("Sin", angle), Op("Where", isZero, D(1), angle)));
    }

    /// <summary>(v/255 − mean)/std, in the order of our own transform.</summary>
    private string Normalized(string bytes)
    {
        string mean = _graph.Constant("/preprocessing/mean", _options.Pixels.Mean.ToArray(), 1, 3, 1, 1);
        string std = _graph.Constant("/preprocessing/std", _options.Pixels.Std.ToArray(), 1, 3, 1, 1);
        return Op("Div", Op("Sub", Op("Div", bytes, _graph.Scalar(255)), mean), std);
    }

    private string Op(string op, params string[] inputs) => _graph.Node(op, inputs);

    private string Cast(string x, OnnxElement type) => _graph.Node("Cast", [x], new OnnxAttribute("to", (long)type));

    private string D(double value) => _graph.Double(value);

    private string Int(int value) => _graph.Constant("/whole", OnnxElement.Int32, BitConverter.GetBytes(value));

    private string Whole(long value) => _graph.Constant("/whole", OnnxElement.Int64, BitConverter.GetBytes(value));
}
